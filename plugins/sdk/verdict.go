package sdk

import "github.com/happn-host/happn-host/abi"

// Verdict is what a hook decides. The zero Verdict counts as a failure of the
// hook, so that a forgotten return value lets nothing through.
type Verdict struct {
	verdict abi.Verdict
	text    string
	data    []byte // of REPLACE
}

// zeroVerdict is what the host reads of a hook that has forgotten to return one.
const zeroVerdict = "the hook returned the zero Verdict; return sdk.Pass() instead"

// Pass lets the message go on, with the changes that were made by its setters.
func Pass() Verdict { return Verdict{verdict: abi.VerdictPass} }

// Reject answers a request with an error and goes no further. The reason is
// plain text, or an error as a JSON object {"name", "message", ...}.
func Reject(reason string) Verdict { return Verdict{verdict: abi.VerdictReject, text: reason} }

// Drop goes no further and answers nothing.
func Drop() Verdict { return Verdict{verdict: abi.VerdictDrop} }

// Close closes the session, for a reason like Reject's.
func Close(reason string) Verdict { return Verdict{verdict: abi.VerdictClose, text: reason} }

// Fail says that the hook could not decide; the operator's on_error does. The
// reason goes to the log, not to the client.
func Fail(reason string) Verdict { return Verdict{verdict: abi.VerdictError, text: reason} }
