"""The interactive debugger: stops, the session that keeps them, what is shown, the shell."""
