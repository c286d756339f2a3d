"""The verbs for programs that use tools: a server of the Model Context Protocol over one working folder."""
