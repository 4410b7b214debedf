"""What a person at a terminal sees and presses: streams, tables, signals."""
