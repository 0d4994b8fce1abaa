/*
 * grant.h - the tool by which a client asks for more.  It files a request for a person to
 * decide elsewhere; nothing that comes through here grants anything.
 */
#ifndef WRIT_MCP_GRANT_H
#define WRIT_MCP_GRANT_H

#define WRIT_MCP_GRANT_TOOL "writ_request_grant"
#define WRIT_MCP_GRANT_ABOUT \
	"Ask the operator for a grant that a tool was refused. This only files " \
	"a request: a person decides, elsewhere and later, and nothing changes " \
	"until then. Use it after a tool result that says what was refused."
#define WRIT_MCP_GRANT_INPUT \
	"{\"type\":\"object\",\"properties\":{\"tool\":{\"type\":\"string\"," \
	"\"maxLength\":128,\"description\":\"Name of the tool that needs it.\"}," \
	"\"what\":{\"type\":\"string\",\"maxLength\":4096,\"description\":\"The " \
	"smallest grant that would do, as the refusal named it.\"},\"why\":" \
	"{\"type\":\"string\",\"maxLength\":4096,\"description\":\"What it is " \
	"needed for.\"}},\"required\":[\"tool\",\"what\",\"why\"]," \
	"\"additionalProperties\":false}"

#endif
