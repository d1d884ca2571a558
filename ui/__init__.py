"""How people and programs use the product: commands, the web page, REST and MCP."""
