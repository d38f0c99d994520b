"""Tables, states and their allowed moves, transactions, migrations. What must hold, the database itself holds."""
