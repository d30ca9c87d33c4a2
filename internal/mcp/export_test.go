package mcp

import sdk "github.com/modelcontextprotocol/go-sdk/mcp"

// ServerOf is the server of one session, for transports in memory.
func ServerOf(o Options) *sdk.Server { return o.server() }
