"""For programs: the same answers as REST (/api/v1) and as tools of MCP (/mcp)."""
