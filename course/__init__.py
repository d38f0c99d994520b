"""Dear Self: a course that arrives by email and is answered by email. ARCHITECTURE.md says where everything happens."""
