// Package bench loads a happn server and measures what it does: it is the
// engine of the command `happn-host bench`. It works against happn-host and
// against the reference server happn-3 alike, so that the two can be measured
// side by side, and it checks every answer: a run in which a value, a count
// of deliveries or a status is wrong fails.
//
//	bench set              overwrite documents
//	bench set-new          store new documents
//	bench set-durable      store new documents, then read back what was acknowledged
//	bench get              read documents by path
//	bench get-wildcard     read --results documents out of --docs by a pattern
//	bench pubsub           --publishers to --subscribers, each of which gets everything
//	bench subscriptions    publish under --subscriptions subscriptions, of which one matches
//	bench connect          connect, log in and leave
//	bench idle             hold --connections, measure the server's memory for each
//
// # What the figures mean
//
// The load is a closed loop: each of --clients connections keeps --in-flight
// requests under way. Latency is the time from the system call that sent a
// request to the one that brought its answer; with many in flight it is
// mostly queueing, so compare latencies at --in-flight 1.
//
// With --server-pid the report has the server's CPU time for each operation,
// user and system of all threads, from /proc. That is the figure to compare
// servers by, because it holds when the generator or the network is the
// bottleneck, while operations per second do not. Its resolution is 10 ms, so
// let the run last seconds.
//
// # How the load is generated
//
// Requests are websocket frames made in advance, in which only some digits
// change; frames that go out together are one system call, and answers are
// checked by searching for the text they must contain and only decoded if it
// is not there. Frames are masked with the key 0, which saves the generator
// the masking; the server unmasks as always. The report tells the generator's
// own CPU time for each operation, for comparison.
//
// # Side by side
//
// On a machine with two cores, give the server the first and the load the
// second, and run the same line against each server, which is fresh each time:
//
//	GOMAXPROCS=1 taskset -c 0 happn-host serve --port 55000 &
//	GOMAXPROCS=1 taskset -c 1 happn-host bench get --url ws://127.0.0.1:55000 --server-pid $!
//
// and for the reference
//
//	taskset -c 0 node -e 'require("happn-3").service.create({}, console.error)' &
//	GOMAXPROCS=1 taskset -c 1 happn-host bench get --url ws://127.0.0.1:55000 --server-pid $!
//
// It imports the standard library, pflag, x/sync and the client package, which
// prepares documents, reads them back, removes them and asks the server who it
// is. The load itself does not go through it: its convenience would cost more
// than the server does.
package bench
