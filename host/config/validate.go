package config

import (
	"errors"
	"fmt"
)

// Validate checks a configuration that a program filled in, by the same bounds
// as Load and with the same words. All that is wrong is reported at once.
func (c Config) Validate() error {
	flat := values(c)
	broken := map[string]bool{}
	var errs []error
	rows := table()
	for i := range rows {
		e := &rows[i]
		value := flat[e.name]
		if e.accepts(value) {
			continue
		}
		broken[e.name] = true
		errs = append(errs, &Error{
			Key:    e.name,
			Reason: e.found(e.kind.print(value)) + ", expected " + e.expected(),
		})
	}
	return errors.Join(append(errs, c.checkRelations(nil, broken)...)...)
}

// checkRelations holds the rules between keys. sources names where a value came
// from; a rule about a key that is already broken stays silent.
func (c Config) checkRelations(sources map[string]string, broken map[string]bool) []error {
	var errs []error
	report := func(key, below, format string, args ...any) {
		if !broken[key] {
			errs = append(errs, &Error{Source: sources[key], Key: key + below, Reason: fmt.Sprintf(format, args...)})
		}
	}
	if !broken["data.durability"] && !broken["data.stores"] {
		c.Data.checkData(report)
	}
	c.Plugins.checkTrust(report)
	c.TLS.checkTLS(report)
	c.checkSecurity(report)
	return append(errs, c.checkQueue(sources, broken)...)
}

func (c Config) checkQueue(sources map[string]string, broken map[string]bool) []error {
	const queue, message = "websocket.writeQueueBytes", "websocket.maxMessageBytes"
	if broken[queue] || broken[message] || c.Websocket.WriteQueueBytes >= c.Websocket.MaxMessageBytes {
		return nil
	}
	// The message limit is named when only it was touched.
	key := queue
	if sources[queue] == "" && sources[message] != "" {
		key = message
	}
	return []error{&Error{
		Source: sources[key], Key: key,
		Reason: fmt.Sprintf("a write queue of %s cannot hold one message of %s; raise %s or lower %s",
			printSize(c.Websocket.WriteQueueBytes), printSize(c.Websocket.MaxMessageBytes), queue, message),
	}}
}
