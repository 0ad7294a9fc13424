"""What people see: text on the terminal, pictures."""
