package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// credentialsUsage is the end of the help of every command that asks a running
// host.
const credentialsUsage = `  --url address  where the host listens, http or https; default http://127.0.0.1:55000
  --ca file      certificate to trust, such as tls/self-signed.crt in the host's data folder
  --user name    who asks a host with access control; its password is taken from the environment variable
                 HAPPN_PASSWORD, or asked for
  --token text   of a login, instead of --user; HAPPN_TOKEN keeps it from the list of processes
`

// Variables of the environment that the commands read.
const (
	passwordVariable    = "HAPPN_PASSWORD"
	newPasswordVariable = "HAPPN_NEW_PASSWORD"
	tokenVariable       = "HAPPN_TOKEN"
)

// credentialVariables are the variables of commands that a host passes over: it may be
// started from where its operator works.
func credentialVariables() []string {
	return []string{passwordVariable, newPasswordVariable, tokenVariable}
}

// credentials are where a host is, and who asks it.
type credentials struct {
	url, ca     string
	user, token string
}

// add makes the flags.
func (c *credentials) add(flags *pflag.FlagSet) {
	flags.StringVar(&c.url, "url", "http://127.0.0.1:55000", "")
	flags.StringVar(&c.ca, "ca", "", "")
	flags.StringVar(&c.user, "user", "", "")
	flags.StringVar(&c.token, "token", "", "")
}

// connect returns the operator who has these credentials, logged in. It is nil
// where that failed, which has been reported, and the command ends with code.
func (p *process) connect(ctx context.Context, c credentials) (at *operator, code int) {
	if c.user != "" && c.token != "" {
		return nil, p.fail(exitUsage, "--user and --token are two ways to say who asks; take one of them")
	}
	at, err := newOperator(c.url, c.ca)
	if err != nil {
		return nil, p.fail(exitUsage, "%s", err)
	}
	if c.user == "" {
		at.token = cmp.Or(c.token, p.variable(tokenVariable))
	}
	if at.inClear() && (c.user != "" || at.token != "") {
		fmt.Fprintf(p.stderr, "happn-host: warning: %s is another machine, and what proves who asks is sent to it in clear; use https\n", at.base.Host)
	}
	if c.user == "" {
		return at, exitOK
	}
	secret, err := p.password(passwordVariable, "password of "+c.user)
	if err != nil {
		return nil, p.fail(exitUsage, "%s", err)
	}
	if err := at.login(ctx, c.user, secret); err != nil {
		return nil, p.fail(exitFailed, "cannot log in as %s: %s", c.user, err)
	}
	return at, exitOK
}

// variable returns a variable of the environment, "" if it is not set.
func (p *process) variable(name string) string {
	value := ""
	for _, pair := range p.environ {
		if text, ok := strings.CutPrefix(pair, name+"="); ok {
			value = text // the last one counts, as for os/exec
		}
	}
	return value
}

// password returns what the variable holds, or what is typed at the terminal,
// which does not show it.
func (p *process) password(variable, prompt string) (string, error) {
	if text := p.variable(variable); text != "" {
		return text, nil
	}
	if p.stdin == nil || !term.IsTerminal(int(p.stdin.Fd())) {
		return "", fmt.Errorf("does not know the %s; set %s, or run this at a terminal to be asked", prompt, variable)
	}
	fmt.Fprintf(p.stderr, "%s: ", prompt)
	text, err := term.ReadPassword(int(p.stdin.Fd()))
	fmt.Fprintln(p.stderr)
	switch {
	case err != nil:
		return "", fmt.Errorf("read the %s: %w", prompt, err)
	case len(text) == 0:
		return "", fmt.Errorf("the %s is empty; nothing was asked of the host", prompt)
	}
	return string(text), nil
}

// newPassword returns the password that a user is to have. Typed, it is typed
// twice, since nobody sees it.
func (p *process) newPassword(user string) (string, error) {
	first, err := p.password(newPasswordVariable, "new password of "+user)
	if err != nil {
		return "", err
	}
	again, err := p.password(newPasswordVariable, "the same again")
	if err == nil && first != again {
		err = errors.New("the two passwords differ; nothing was changed")
	}
	return first, err
}
