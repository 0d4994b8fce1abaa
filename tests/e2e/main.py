"""Runs every case of the modules here, two at a time, and counts them."""
import sys

import agent
import audit_log
import bad_input
import cache
import calls
import clients
import clients_real
import command_line
import files
import front_end
import grants
import harness
import http_faults
import http_out
import http_shapes
import http_tools
import limits
import mcp
import mcp_http
import policy_files
import programs
import raw_wat
import secret
import secret_http
import serve
import sockets
import spawn
import toolbox
import walls

MODULES = [programs, mcp, mcp_http, calls, files, grants, limits, raw_wat,
           cache, audit_log, bad_input, clients, clients_real, command_line,
           front_end, policy_files, secret, serve, sockets, toolbox, walls,
           agent, spawn, http_out, http_shapes, http_faults, http_tools,
           secret_http]

if __name__ == "__main__":
    sys.exit(harness.main(MODULES, sys.argv[1:]))
