// Package tracing records what the host does as traces of OpenTelemetry, and sends
// them to a collector by OTLP over HTTP.
//
// A Tracer begins traces: of a request of a client, of an HTTP request, of a tick
// or an event of a plugin. Whether one is recorded is decided there, once. What is
// recorded travels in the context, where Start finds it: without it, nothing is
// done and nothing allocated. So is everything by a nil Tracer, which is what a
// host has that does not trace.
//
// Ended spans wait in a queue of bounded length for one goroutine that sends them;
// when it is full they are dropped and counted. Nobody ever waits for the
// collector, but Close, for as long as its context lets it.
//
// It imports go.opentelemetry.io/otel, which no other package may.
package tracing
