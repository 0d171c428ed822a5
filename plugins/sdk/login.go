package sdk

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// Applicant is a session that has logged in and needs a policy. Its slices are
// valid until the hook returns.
type Applicant struct {
	// Record is the session's record, a JSON object: type, user with username and
	// groups, info, and what is known of the connection.
	Record   []byte
	Username string
	ID       []byte // of the session
	Address  []byte // empty for a client within the host's process
}

// Credentials are what a provider of logins is asked about. Its slices are valid
// until the hook returns; what is secret in them must not be logged.
type Credentials struct {
	// Operation is abi.OperationLogin or another one of these.
	Operation string
	// Data is a JSON object; what it has depends on the operation, see abi/ABI.md.
	Data     []byte
	Username string
	Address  []byte
}

// Text returns a member of Data that is a text, "" if there is none.
func (c *Credentials) Text(name string) string {
	value, _ := rawjson.Lookup(c.Data, name)
	if rawjson.TypeOf(value) != rawjson.String {
		return ""
	}
	return string(rawjson.Unquote(value))
}

// GivePolicy gives a session a policy, a JSON object: {"ttl": 60000} and so on.
// It is for profile hooks.
func GivePolicy(policy []byte) Verdict {
	return Verdict{verdict: abi.VerdictReplace, data: policy}
}

// LogIn logs in as a user, which must be among those that the operator's file
// allows. It is for auth hooks that are asked about a login.
func LogIn(username string) Verdict {
	return Verdict{verdict: abi.VerdictReplace, data: append(rawjson.AppendString([]byte(`{"username":`), username), '}')}
}

// Done says that what was asked for is done: a password is changed, say. It is
// for auth hooks.
func Done() Verdict { return Verdict{verdict: abi.VerdictReplace} }

// decided encodes what a hook of logins has decided.
func (r *runner) decided(kind abi.Kind, v Verdict) (abi.Verdict, []byte) {
	switch v.verdict {
	case abi.VerdictPass:
		return v.verdict, nil
	case abi.VerdictReplace:
		return v.verdict, r.encode(&abi.Record{Kind: kind, Data: v.data})
	case 0:
		return abi.VerdictError, []byte(zeroVerdict)
	}
	r.output = append(r.output[:0], v.text...)
	return v.verdict, r.output
}

// profile shows a session.
func (r *runner) profile(hook func(*Applicant) Verdict, input []byte) (abi.Verdict, []byte) {
	if hook == nil {
		return abi.VerdictPass, nil
	}
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		return r.decided(abi.KindSession, hook(&Applicant{
			Record: m.record.Data, Username: string(m.record.Username), ID: m.record.SessionID, Address: m.record.Address,
		}))
	})
}

// auth shows credentials.
func (r *runner) auth(hook func(*Credentials) Verdict, input []byte) (abi.Verdict, []byte) {
	if hook == nil {
		return abi.VerdictPass, nil
	}
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		operation, _ := rawjson.Lookup(m.record.Options, "operation")
		return r.decided(abi.KindCredentials, hook(&Credentials{
			Operation: string(rawjson.Unquote(operation)), Data: m.record.Data,
			Username: string(m.record.Username), Address: m.record.Address,
		}))
	})
}

// Profile shows an encoded record to the profile hook, like Inbound.
func (r *Runner) Profile(record []byte) (abi.Verdict, []byte) {
	return r.runner.profile(r.Plugin.Profile, record)
}

// Auth shows an encoded record to the auth hook, like Inbound.
func (r *Runner) Auth(record []byte) (abi.Verdict, []byte) {
	return r.runner.auth(r.Plugin.Auth, record)
}
