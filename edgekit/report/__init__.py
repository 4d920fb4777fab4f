"""What people see: tables for the terminal and pictures of the memory map."""
