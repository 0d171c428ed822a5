package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// verb is one thing that a subcommand about users, groups, permissions, sessions,
// tokens or plugins does by the management API.
type verb struct {
	needs string // the arguments, as its help names them
	least int    // how many arguments there must be
	most  int    // -1 for any number
	run   func(ctx context.Context, a *administration) error
}

// administration is one verb being carried out.
type administration struct {
	*process
	at    *operator
	args  []string
	flags administrationFlags

	loggedIn bool // with a password, just now
}

// administrationFlags are the flags of all verbs; each subcommand adds its own.
type administrationFlags struct {
	name, group, parent, data, key, reason, grace string
	prohibit, all, follow                         bool
	lines                                         int
}

// administer finds the verb that args begin with and carries it out.
func (p *process) administer(ctx context.Context, usage string, verbs map[string]verb, flags *pflag.FlagSet, a *administration, args []string) int {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
		fmt.Fprint(p.stdout, usage)
		return exitOK
	}
	v, ok := verbs[args[0]]
	if !ok {
		return p.fail(exitUsage, "%s cannot %q, it can %s; see happn-host help %s",
			flags.Name(), args[0], strings.Join(slices.Sorted(maps.Keys(verbs)), ", "), flags.Name())
	}
	var who credentials
	who.add(flags)
	if code, done := p.parseWithArguments(flags, args[1:], usage); done {
		return code
	}
	if n := flags.NArg(); n < v.least || v.most >= 0 && n > v.most {
		return p.fail(exitUsage, "%s %s takes %s; see happn-host help %s", flags.Name(), args[0], cmp.Or(v.needs, "no arguments"), flags.Name())
	}
	at, code := p.connect(ctx, who)
	if at == nil {
		return code
	}
	a.process, a.at, a.args, a.loggedIn = p, at, flags.Args(), who.user != ""
	if err := v.run(ctx, a); err != nil {
		var wrong *usageError
		if errors.As(err, &wrong) {
			return p.fail(exitUsage, "%s %s: %s; see happn-host help %s", flags.Name(), args[0], err, flags.Name())
		}
		return p.fail(exitFailed, "%s %s: %s", flags.Name(), args[0], err)
	}
	return exitOK
}

// usageError is a mistake of whoever typed the command.
type usageError struct{ message string }

// Error implements error.
func (e *usageError) Error() string { return e.message }

// route returns the path of the API for the names, which may have slashes.
func route(segments ...string) (string, error) {
	path := "api/v1"
	for _, s := range segments {
		if s == "" || s == "." || s == ".." {
			return "", &usageError{fmt.Sprintf("%q is no name", s)} // and would lead elsewhere
		}
		path += "/" + url.PathEscape(s)
	}
	return path, nil
}

// request asks for what is at the segments.
func (a *administration) request(ctx context.Context, method string, parameters url.Values, body, answer any, segments ...string) error {
	path, err := route(segments...)
	if err != nil {
		return err
	}
	return a.at.change(ctx, method, path, parameters, body, answer)
}

// say prints a line about what was done.
func (a *administration) say(format string, args ...any) error {
	_, err := fmt.Fprintf(a.stdout, format+"\n", args...)
	return err
}

// show prints JSON for people and programs.
func (a *administration) show(raw json.RawMessage) error {
	var text bytes.Buffer
	if err := json.Indent(&text, raw, "", "  "); err != nil {
		return err
	}
	return a.say("%s", &text)
}

// query returns the parameters that are not empty.
func query(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return values
}

// customData adds what --data says to the body of a user or group.
func (a *administration) customData(body map[string]any) error {
	if a.flags.data == "" {
		return nil
	}
	if !json.Valid([]byte(a.flags.data)) {
		return &usageError{"--data has to be JSON"}
	}
	body["custom_data"] = json.RawMessage(a.flags.data)
	return nil
}
