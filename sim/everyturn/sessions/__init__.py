"""Sessions of asyncio agents as they are: an adapter's calls and what is seen of the agent, judged as logs are."""
