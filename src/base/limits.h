/*
 * limits.h - every maximum of the project, in one table.  Units are in the names or
 * beside them.  Whoever adds a buffer adds its bound here.
 */
#ifndef WRIT_BASE_LIMITS_H
#define WRIT_BASE_LIMITS_H

#define WRIT_KIB 1024ull
#define WRIT_MIB (1024ull * 1024)
#define WRIT_GIB (1024ull * 1024 * 1024)

/* files and names */
#define WRIT_PATH_MAX 4095		/* bytes of a path given by a guest */
#define WRIT_NAME_MAX 255		/* bytes of one component */
#define WRIT_PATH_PARTS_MAX 512		/* components of a path */
#define WRIT_SYMLINKS_MAX 40		/* symbolic links followed in one lookup */
#define WRIT_MOUNTS_MAX 64
#define WRIT_FS_HANDLES_MAX 4096	/* open descriptors of one session */
#define WRIT_FS_IO_MAX (64 * 1024)	/* bytes of one read or write */
#define WRIT_FS_DIR_ENTRIES_MAX 1000000	/* entries of one listing */
#define WRIT_FS_DIR_BYTES_MAX (64 * 1024) /* bytes of one listing reply */

/* the wire */
#define WRIT_WIRE_MSG_MAX (128 * 1024)	/* payload bytes of one message */
#define WRIT_WIRE_PENDING_MAX 256	/* requests in flight */
#define WRIT_WIRE_QUEUE_MAX (8 * 1024 * 1024) /* unsent bytes towards a peer */
#define WRIT_WIRE_STREAM_CREDIT (256 * 1024) /* stdio bytes in flight */
#define WRIT_WATCH_POLL_MAX 1024	/* fds that a worker without epoll waits for */

/* front ends and their clients */
#define WRIT_API_TEXT_MAX (64 * 1024)	/* bytes of one TEXT message */
#define WRIT_API_WORDS_MAX 4096		/* bytes of one short text */
#define WRIT_TOOL_NAME_MAX 128		/* bytes; MCP's own bound */
#define WRIT_FUNCTION_NAME_MAX 512	/* bytes of an export's name, with its interface */
#define WRIT_SESSION_NAME_MAX 64	/* bytes of a kept session's name */
#define WRIT_CALL_ARGS_MAX (4 * 1024 * 1024) /* bytes of a typed call's arguments on the wire */
#define WRIT_CALL_VALUE_MAX (4 * 1024 * 1024) /* bytes of its result's text on the wire */
#define WRIT_ASK_TEXT_MAX (64 * 1024)	/* bytes that a guest hands to an ask (client, spawn) */
#define WRIT_ASKS_MAX 16		/* asks of one call in flight */
#define WRIT_CLIENT_LOG_MAX (16 * 1024)	/* bytes of one line for a client */
#define WRIT_SERVE_SEATS_MAX 64		/* workers of one server */
#define WRIT_SERVE_CALLS_MAX 1024	/* calls of one server, waiting ones included */
#define WRIT_SERVE_ARGS_MAX (64 * 1024 * 1024) /* bytes of all their arguments */
#define WRIT_SERVE_IDLE_MS (30 * 60 * 1000) /* a quiet HTTP client is forgotten */
#define WRIT_SERVE_PARK_MS (10 * 60 * 1000) /* a call waits for its client's answer */
#define WRIT_SPAWN_DEPTH_MAX 16		/* tools that call tools */
#define WRIT_WISHES_MAX (1024 * 1024)	/* bytes of the list of wishes */
#define WRIT_FRONT_DATA_MAX WRIT_GIB	/* bytes of a front end's memory */
#define WRIT_CLIENTS_MAX 4096		/* clients of one front end at a time */

/* MCP */
#define WRIT_MCP_MESSAGE_MAX (16 * 1024 * 1024) /* bytes of one message of a client */
#define WRIT_MCP_ANSWER_MAX (24 * 1024 * 1024) /* bytes of one message to it */
#define WRIT_MCP_ID_MAX 256		/* bytes of a request's id or progress token */
#define WRIT_MCP_REQUESTS_MAX 4096	/* in flight, of all clients; a power of two */
#define WRIT_MCP_LISTENS_MAX 3072	/* of them, that only listen for changes */
#define WRIT_MCP_CLIENT_REQUESTS_MAX 128 /* in flight, of one client that is one program */
#define WRIT_MCP_VALUE_MAX (4 * 1024 * 1024) /* bytes of one result's text */
#define WRIT_MCP_PRINTED_MAX (64 * 1024) /* bytes shown of a call's stdout, and of stderr */
#define WRIT_MCP_HELD_MAX (256 * 1024 * 1024) /* bytes of unfinished results together */
#define WRIT_MCP_ASKS_MAX 16		/* questions of one call that wait */
#define WRIT_MCP_ASK_MAX (256 * 1024)	/* bytes of a question, and of an answer */
#define WRIT_MCP_REFUSED_MAX 16		/* refusals told with one result */
#define WRIT_MCP_PARK_MS_MAX (10 * 60 * 1000) /* a call waits for its client's answer */
#define WRIT_MCP_PAGE 100		/* entries of one page of a list */
#define WRIT_MCP_TOOLS_MAX 4096
#define WRIT_MCP_PROMPTS_MAX 1024
#define WRIT_MCP_RESOURCES_MAX 4096
#define WRIT_MCP_CATALOG_MAX (64 * 1024 * 1024) /* bytes of a catalog */
#define WRIT_MCP_SUBSCRIPTIONS_MAX 256	/* URIs that a client watches */
#define WRIT_MCP_OUT_MAX (64 * 1024 * 1024) /* unsent bytes towards a client */
#define WRIT_MCP_OUT_HIGH (1024 * 1024)	/* above this nothing more is read */
#define WRIT_MCP_LINGER_MS 500		/* for answers, when a client's input has ended */
#define WRIT_MCP_COMPLETE_MAX 100	/* values of one completion; MCP's own bound */

/* MCP over HTTP */
#define WRIT_HTTP_CONNECTIONS_MAX 4800	/* at a time */
#define WRIT_HTTP_HEAD_MAX (16 * 1024)	/* bytes of a request's head; memory of one connection */
#define WRIT_HTTP_FIELDS_MAX 64		/* headers of one request */
#define WRIT_HTTP_BODIES_MAX (128 * 1024 * 1024) /* bytes of all requests that arrive */
#define WRIT_HTTP_EXCESS_MAX (1024 * 1024) /* bytes beyond that are read before the refusal */
#define WRIT_HTTP_QUEUE_MAX (32 * 1024 * 1024) /* unsent bytes of one answer */
#define WRIT_HTTP_HELD_MAX (256 * 1024 * 1024) /* unsent bytes of all */
#define WRIT_HTTP_STREAMS_MAX 4		/* GET streams of one session */
#define WRIT_HTTP_STRANGER_MS 10000	/* for the first good request, and for each head */
#define WRIT_HTTP_BODY_MS 60000		/* for a whole body */
#define WRIT_HTTP_STALL_MS 60000	/* a client that takes nothing of its answer */
#define WRIT_HTTP_QUIET_MS 15000	/* before a client that waits is told that it is alive */

/* HTTP and sockets of guests */
#define WRIT_HTTP_FIELDS_OUT_MAX 256	/* fields of one head or of trailers */
#define WRIT_HTTP_FIELDS_BYTES_MAX (64 * 1024) /* bytes of their names and values */
#define WRIT_HTTP_TARGET_MAX 8192	/* bytes of a request's path and query */
#define WRIT_HTTP_QUERY_MAX 2048	/* bytes of a query */
#define WRIT_HTTP_METHOD_MAX 32		/* bytes */
#define WRIT_HTTP_HOST_MAX 255		/* bytes of a host's name */
#define WRIT_HTTP_EXCHANGES_MAX 256	/* of one worker at a time */
#define WRIT_HTTP_ASKS_MAX 16384	/* requests of one worker that are not decided yet */
#define WRIT_HTTP_MATCHES_MAX 16	/* entries that allow one request */
#define WRIT_HTTP_OPERATION_BODY_MAX (1024 * 1024) /* bytes held back to be looked into */
#define WRIT_NET_ADDRESSES_MAX 32	/* of one name, that are looked at */
#define WRIT_SOCKS_MAX 128		/* sockets of one worker at a time */
#define WRIT_SOCK_CALLS_MAX 192		/* their requests in flight */
#define WRIT_SOCK_GRAM_MAX 65507	/* bytes of one datagram */
#define WRIT_SOCK_PEERS_MAX 64		/* of one UDP socket, that are remembered */
#define WRIT_SOCK_NAMES_MAX 256		/* addresses of one session whose names are remembered */
#define WRIT_SOCK_BUFFER_MAX (1024 * 1024) /* bytes of a socket's buffers in the kernel */
#define WRIT_SOCK_BACKLOG_MAX 128	/* clients of one listener that wait */
#define WRIT_NET_OWN_MAX 4096		/* addresses of this machine */
#define WRIT_NET_DIALS_MAX 8		/* connections that one request may ask for */
#define WRIT_NET_LOOKUPS_MAX 64		/* names that one net looks up at a time */
#define WRIT_NET_WAITING_MAX 512	/* and that wait for it */
#define WRIT_NET_POOLS_MAX 1024		/* pools of connections of one session */
#define WRIT_NET_STARTS_MAX 8		/* nets of one session, one after the other */
#define WRIT_NET_CA_MAX (4 * 1024 * 1024) /* bytes of one file of authorities */
#define WRIT_NET_CONNECT_MS 30000	/* to resolve and connect, unless the guest says */
#define WRIT_NET_READ_MS (10 * 60 * 1000) /* first byte, between bytes: the same */
#define WRIT_NET_TIMEOUT_MS_MAX (60 * 60 * 1000) /* that a guest may choose */
#define WRIT_NET_LINGER_MS 250		/* for the last words of requests at a session's end */
#define WRIT_RESOLVERS_MAX 3		/* name servers that are asked */
#define WRIT_BUDGET_RATE_MAX 1000000	/* requests that a rate counts in its window */
#define WRIT_BUDGET_ACCOUNTS_MAX 8192	/* of one ledger: of a writ, and of its entries that are gone */
#define WRIT_BUDGET_HOLDERS_MAX 256	/* processes (sessions) with one ledger open */
#define WRIT_BUDGET_PIECE (1024 * 1024)	/* bytes of a total that a socket takes at a time */
#define WRIT_BUDGET_WAIT_MS 2000	/* for another process that has the ledger locked */
#define WRIT_SECRET_MIN 8		/* bytes of one secret: shorter ones could not be told from text */
#define WRIT_SECRET_MAX (16 * 1024)	/* bytes of one secret */
#define WRIT_SECRETS_MAX 256		/* of one session; of the store */

/* serving (writ serve); heads are bounded as those of MCP over HTTP */
#define WRIT_SERVE_WORKERS_MAX 64
#define WRIT_SERVE_GUESTS 64		/* of one worker at a time, unless said */
#define WRIT_SERVE_GUESTS_MAX 1024	/* the most that can be said */
#define WRIT_SERVE_WAITING_MAX 64	/* requests of one worker that wait for a guest's place */
#define WRIT_SERVE_WAIT_MS 5000		/* how long they do */
#define WRIT_SERVE_CONNECTIONS_MAX 1024	/* of one worker */
#define WRIT_SERVE_QUIET_MS 500		/* then one without a request makes room for another */
#define WRIT_SERVE_IN_MAX (32 * 1024)	/* bytes of a connection that were not looked at yet */
#define WRIT_SERVE_OUT_MAX (64 * 1024)	/* unsent bytes of a response's body */
#define WRIT_SERVE_ROWS_MAX (32 * 1024)	/* bytes of one batch of records */
#define WRIT_SERVE_PATH_SHOWN 512	/* bytes of a path that stand in a record */
#define WRIT_SERVE_HEAD_MS 10000	/* for a whole head */
#define WRIT_SERVE_IDLE_MS_HTTP 60000	/* between two requests of a connection */
#define WRIT_SERVE_STALL_MS 60000	/* for the next bytes of a body, either way */
#define WRIT_SERVE_LINGER_MS 2000	/* for a client to read why it is left */
#define WRIT_SERVE_LINGER_MAX (1024 * 1024) /* bytes of it that are thrown away */
#define WRIT_SERVE_BATCH_MS 100		/* records wait for each other so long */
#define WRIT_SERVE_BEAT_MS 1000		/* a worker says that it lives */
#define WRIT_SERVE_SILENT_MS 15000	/* CPU time without that, and it is ended */
#define WRIT_SERVE_GRACE_MS 30000	/* for running requests at the end, unless said */

/* writ documents */
#define WRIT_DOC_MAX (1024 * 1024)	/* bytes */
#define WRIT_DOC_DEPTH_MAX 16
#define WRIT_DOC_GRANTS_MAX 4096	/* entries of all kinds together */
#define WRIT_DOC_STRING_MAX 4096	/* bytes of one scalar */
#define WRIT_DOC_LIST_MAX 1024		/* items of one list or map */
#define WRIT_DOC_NODES_MAX 65536	/* values of one document */
#define WRIT_DOC_BLANKS_MAX 1024	/* bytes of white space in a row */
#define WRIT_DOC_QUOTES_MAX 3		/* single quotes in a row */
#define WRIT_DOC_WORD_MAX (32 * 1024)	/* bytes without white space in a row */
#define WRIT_GLOB_MAX 1024		/* bytes of a pattern */
#define WRIT_GLOB_PARTS_MAX 63		/* segments of a pattern */

/* toolboxes */
#define WRIT_TOOL_NAME_MAX 128		/* bytes of a tool's or prompt's name */
#define WRIT_TITLE_MAX 256		/* bytes */
#define WRIT_TEXT_MAX (16 * 1024)	/* bytes of a description or message */
#define WRIT_INLINE_MAX (30 * 1024)	/* bytes of a resource given in place */
#define WRIT_TOOLBOX_TOOLS_MAX 256	/* groups; functions shown, of all groups */
#define WRIT_TOOLBOX_PROMPTS_MAX 256
#define WRIT_TOOLBOX_RESOURCES_MAX 256
#define WRIT_TOOLBOX_ARGUMENTS_MAX 32	/* of a prompt */
#define WRIT_TOOLBOX_MESSAGES_MAX 64	/* of a prompt */
#define WRIT_TOOLBOX_COMPLETE_MAX 256	/* values offered for an argument */
#define WRIT_TOOLBOX_VARIABLES_MAX 8	/* of a template */
#define WRIT_TOOLBOX_URI_MAX 1024	/* bytes */
#define WRIT_LOCK_MAX (4 * 1024 * 1024)	/* bytes of a lock; WRIT_JSON_MAX */
#define WRIT_LOCK_IMPORTS_MAX 1024	/* of one component */
#define WRIT_LOCK_SCHEMA_MAX (256 * 1024) /* bytes of one schema */
#define WRIT_LOCK_DIFF_LINES 40		/* shown of each side of a change */

/* components */
#define WRIT_COMPONENT_MAX (256 * 1024 * 1024) /* bytes */
#define WRIT_CODE_MAX (1024ull * 1024 * 1024) /* bytes compiled */
#define WRIT_DESCRIBE_MAX (4 * 1024 * 1024) /* bytes of a description, JSON */
#define WRIT_CACHE_MAX (2 * WRIT_GIB)	/* bytes of the compile cache, unless set */
#define WRIT_CACHE_MAX_LEAST WRIT_MIB	/* the least it may be set to */
#define WRIT_CACHE_ENTRIES_MAX 100000	/* files of it that are looked at */
#define WRIT_COMPILE_MS_MAX (300 * 1000)
#define WRIT_COMPILE_DATA_MAX (6 * 1024 * 1024 * 1024ull) /* bytes */

/* calls */
#define WRIT_ARGS_MAX 4096		/* arguments of a call */
#define WRIT_ARGS_BYTES_MAX (96 * 1024)	/* bytes of them together */
#define WRIT_ENV_MAX 1024
#define WRIT_ENV_BYTES_MAX (96 * 1024)
#define WRIT_LOG_MSG_MAX 4096		/* bytes of one guest log line */
#define WRIT_LOG_BYTES_MAX (1024 * 1024) /* of a call's log; beyond, lines are counted */
#define WRIT_VALUE_TEXT_MAX (8 * 1024 * 1024) /* bytes of a typed call's arguments */
#define WRIT_WAVE_TEXT_MAX (256 * 1024)	/* the same, written as WAVE */
#define WRIT_VALUE_ITEMS_MAX (1024 * 1024) /* values in them, and in a result; the bytes of a
					    * list<u8> that is not alone count one each */
#define WRIT_VALUE_HANDLES_MAX 1024	/* resources that one instance has given out */
#define WRIT_HOSTCALL_FUEL (8 * 1024 * 1024) /* bytes one host call may move */
#define WRIT_TICK_MS 10			/* CPU time between epoch ticks */
#define WRIT_RANDOM_MAX (1024 * 1024)	/* bytes of one random request */
#define WRIT_TRAP_MSG_MAX 4096

/* defaults of a writ's limits */
#define WRIT_DEFAULT_MEMORY (256ull * 1024 * 1024)
#define WRIT_DEFAULT_TIME_MS (5 * 60 * 1000ull)
#define WRIT_DEFAULT_CPU_MS (60 * 1000ull)
#define WRIT_DEFAULT_REQUESTS 10000000ull
#define WRIT_DEFAULT_HANDLES 10000ull
#define WRIT_DEFAULT_MEMFS_BYTES (64ull * 1024 * 1024)
#define WRIT_DEFAULT_MEMFS_FILES 65536ull
#define WRIT_DEFAULT_HTTP_REQUEST (8ull * 1024 * 1024)	/* bytes of a body */
#define WRIT_DEFAULT_HTTP_RESPONSE (64ull * 1024 * 1024)

/* defaults and bounds of a toolbox's limits */
#define WRIT_DEFAULT_TOOL_OUTPUT (1024ull * 1024)
#define WRIT_DEFAULT_TOOL_CONCURRENCY 4ull
#define WRIT_DEFAULT_TOOL_IDLE_MS (10 * 60 * 1000ull)
#define WRIT_DEFAULT_TOOL_SESSIONS 16ull
#define WRIT_TOOL_OUTPUT_MAX (64ull * 1024 * 1024)
#define WRIT_TOOL_CONCURRENCY_MAX 256ull
#define WRIT_TOOL_SESSIONS_MAX 4096ull

/* audit */
#define WRIT_AUDIT_RECORD_MAX (64 * 1024)	/* bytes of one record */
#define WRIT_AUDIT_TEXT_MAX 4096	/* bytes of one text in a record */
#define WRIT_DEFAULT_AUDIT (256ull * 1024 * 1024)	/* bytes of a session's log */
#define WRIT_AUDIT_VERBATIM 16		/* per rule before counting begins */

#define WRIT_JSON_MAX (4 * 1024 * 1024)
#define WRIT_JSON_DEPTH_MAX 64
#define WRIT_JSON_VALUES_MAX (1024 * 1024) /* values of a stranger's message */

#endif
