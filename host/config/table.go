package config

import "time"

// entry is one row of the table that the loader, the validation and the
// generated reference share.
type entry struct {
	name    string
	kind    kind
	unit    string   // of a number, for people
	min     int64    // numbers, bytes or nanoseconds, inclusive
	max     int64    // as min; entries without bounds have both zero
	zero    string   // what 0 means, when it is allowed beside min..max
	choices []string // of kindChoice
	check   func(value any) (expected string, ok bool)
	aliases []string  // further flag names
	list    *sections // of kindSections
	secret  bool      // its value is shown to nobody
	meaning string
}

// table returns every key in the order of the struct, which is the order of the
// reference.
func table() []entry {
	var all []entry
	for _, part := range [][]entry{
		generalKeys(), dataKeys(), pluginKeys(), pluginLimitKeys(), websocketKeys(), httpKeys(),
		pubsubKeys(), limitKeys(), shutdownKeys(), securityKeys(), tlsKeys(), webKeys(), telemetryKeys(),
	} {
		all = append(all, part...)
	}
	return all
}

func generalKeys() []entry {
	return []entry{
		{name: "name", kind: kindText, check: checkPlain,
			meaning: "Name of the server, as clients see it. Empty: one is generated and kept in the store."},
		{name: "host", kind: kindText, check: checkHost,
			meaning: "Address to listen on: an IP address or a host name. `0.0.0.0` is every IPv4 address, `::` every address."},
		{name: "port", kind: kindNumber, min: 0, max: 65535,
			meaning: "TCP port to listen on. 0 picks a free one, which the start summary names."},
		{name: "secure", kind: kindSwitch,
			meaning: "Whether clients have to log in, and may do only what their users are permitted. The keys under `security` say more."},
		{name: "log.level", kind: kindChoice, choices: []string{"debug", "info", "warn", "error"},
			meaning: "Least important message that is logged."},
		{name: "log.format", kind: kindChoice, choices: []string{"text", "json"},
			meaning: "Form of the log on standard error and of the start summary on standard output."},
	}
}

func dataKeys() []entry {
	return []entry{
		{name: "data.dir", kind: kindText, check: checkOptionalFolder, aliases: []string{"data"},
			meaning: "Folder of the default store. It is created when it is missing; one host at a time may have it open. It may be empty when `data.durability` is `none`."},
		{name: "data.durability", kind: kindChoice, choices: []string{"sync", "async", "none"},
			meaning: "When a write is answered. `sync`: when it is on disk. `async`: when it is in memory, and it reaches the disk shortly after; a crash may lose the last moments. `none`: nothing is written to disk and every stop forgets all."},
		{name: "data.stores", kind: kindSections, list: storeSections(),
			meaning: "Further stores, each for the paths under its patterns; what no pattern covers belongs to the store in `data.dir`. Documents do not move when patterns change: those in a store that their path no longer belongs to are kept but not seen, and the log says how many there are."},
		{name: "data.indexes", kind: kindSections, list: indexSections(),
			meaning: "Secondary indexes. They are kept in step with writes, make searches and sorts by their fields fast, and cost memory and a little time at each write. They belong to every store that has paths under their patterns; what is unique is so within one store."},
		{name: "data.columnBytes", kind: kindSize, max: 64 * gib,
			meaning: "Memory that each store may use for columns: it makes them by itself, of fields that searches without an index ask for again and again, at 8 bytes for each document and field, and drops those that were not used for longest. 0 turns them off."},
	}
}

func pluginKeys() []entry {
	return []entry{
		{name: "plugins.dir", kind: kindText, check: checkOptionalFolder, aliases: []string{"plugins"},
			meaning: "Folder that is watched for Wasm modules and their manifests. It is created when it is missing. Empty: no plugins."},
		{name: "plugins.cacheDir", kind: kindText, check: checkOptionalFolder,
			meaning: "Folder that keeps the machine code of compiled plugins, so that a start does not compile them again. Who can write there decides what the host executes: it is made with mode 0700, must belong to the host's user, and must not lie in the plugins' folder. Empty: `plugin-cache` beside the documents, or nothing is kept if these are not in a folder."},
		{name: "plugins.settle", kind: kindDuration, min: int64(time.Millisecond), max: int64(time.Minute),
			meaning: "How long a changed module must be left alone before it is read, so that a half-copied file is not loaded."},
		{name: "plugins.trust", kind: kindSections, list: trustSections(),
			meaning: "Keys whose signatures of plugins count. `happn-host plugin keygen` makes one, `happn-host plugin sign` signs."},
		{name: "plugins.requireSigned", kind: kindSwitch,
			meaning: "Refuse modules that no key of `plugins.trust` has signed. A signature that is not good is refused in any case."},
		{name: "plugins.startWait", kind: kindDuration, min: int64(time.Millisecond), max: int64(10 * time.Minute), zero: "does not wait",
			meaning: "How long a start waits for plugins. What is not ready by then goes on loading while the host already serves without it. Plugins whose file says `required: true` are waited for however long they take, and the host does not start without them."},
		{name: "plugins.processors", kind: kindNumber, unit: "processors", min: 0, max: 4096, zero: "all but one",
			meaning: "How many processors calls of plugins that take longer than a fraction of a millisecond keep busy at once, those of all plugins together. Further ones wait for their turn, which costs them none of their time limit. One processor is left to messages that have nothing to do with such plugins."},
	}
}

func websocketKeys() []entry {
	return []entry{
		{name: "websocket.maxMessageBytes", kind: kindSize, min: 256, max: gib,
			meaning: "Largest message that a client may send. A larger one closes its connection."},
		{name: "websocket.compression", kind: kindSwitch,
			meaning: "Agree to permessage-deflate with clients that offer it. It costs processor time and memory for every connection."},
		{name: "websocket.pingInterval", kind: kindDuration, min: int64(time.Millisecond), max: int64(time.Hour), zero: "no heartbeats",
			meaning: "Time between two heartbeats. Stock happn-3 clients reconnect when they have not seen one for 45 seconds."},
		{name: "websocket.allowSkippedHeartbeats", kind: kindNumber, unit: "heartbeats", min: 0, max: 1000,
			meaning: "Heartbeats that a client may leave unanswered before its connection is closed."},
		{name: "websocket.writeQueueBytes", kind: kindSize, min: 256, max: gib,
			meaning: "Bytes that may wait to be written to one client. A reader that falls further behind is told so and closed."},
		{name: "websocket.writeTimeout", kind: kindDuration, min: int64(time.Millisecond), max: int64(10 * time.Minute),
			meaning: "Time that one write to a client may take before its connection is closed."},
		{name: "websocket.origins", kind: kindList, check: checkOrigins,
			meaning: "Origins of web pages that may connect, such as `https://example.com`; `*` is any. Programs that send no Origin are not affected."},
	}
}

func httpKeys() []entry {
	return []entry{
		{name: "http.keepAliveTimeout", kind: kindDuration, min: int64(time.Millisecond), max: int64(24 * time.Hour),
			meaning: "Time that an idle HTTP connection is kept open."},
		{name: "http.readHeaderTimeout", kind: kindDuration, min: int64(time.Millisecond), max: int64(10 * time.Minute),
			meaning: "Time that a client has to send the header of a request."},
		{name: "http.maxHeaderBytes", kind: kindSize, min: kib, max: 16 * mib,
			meaning: "Largest header of an HTTP request."},
		{name: "http.browserClient", kind: kindText,
			meaning: "Folder of an installed npm package happn-3, such as `node_modules/happn-3`, whose client for web pages is served at `/browser_client`. Empty: none."},
	}
}

func pubsubKeys() []entry {
	return []entry{
		{name: "pubsub.defaultVariableDepth", kind: kindNumber, unit: "segments", min: 1, max: 100,
			meaning: "Depth of a subscription to `/path/**` that names none."},
		{name: "pubsub.ackTimeout", kind: kindDuration, min: int64(time.Millisecond), max: int64(time.Hour),
			meaning: "Time that a publication with consistency 3 (acknowledged) waits for its subscribers."},
	}
}

func limitKeys() []entry {
	return []entry{
		{name: "limits.sessions", kind: kindNumber, unit: "sessions", min: 1, max: 1 << 30, zero: "unlimited",
			meaning: "Sessions that may be open at the same time."},
		{name: "limits.subscriptionsPerSession", kind: kindNumber, unit: "subscriptions", min: 1, max: 1 << 30, zero: "unlimited",
			meaning: "Subscriptions that one session may hold."},
		{name: "limits.jsonDepth", kind: kindNumber, unit: "levels", min: 8, max: 10000,
			meaning: "Deepest nesting of the JSON that a client may send."},
		{name: "limits.pathBytes", kind: kindSize, min: 16, max: mib,
			meaning: "Longest path."},
		{name: "limits.bulkDocuments", kind: kindNumber, unit: "documents", min: 1, max: 1 << 20,
			meaning: "Documents of one bulk write (a set with the option bulk)."},
	}
}

func shutdownKeys() []entry {
	return []entry{
		{name: "shutdown.timeout", kind: kindDuration, min: int64(time.Millisecond), max: int64(time.Hour),
			meaning: "Time to finish running requests, empty the write queues and flush the store when the host is told to stop."},
		{name: "shutdown.reconnect", kind: kindSwitch,
			meaning: "Whether clients are told to come back after a stop. When false they end their session."},
	}
}
