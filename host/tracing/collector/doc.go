// Package collector is a collector of OTLP over HTTP for tests: it keeps the spans
// that it is sent. It imports the messages of OTLP, and is for tests only.
package collector
