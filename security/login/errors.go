package login

import (
	"errors"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/password"
)

// The names of errors that clients know.
const (
	accessDeniedName = "AccessDenied"
	systemErrorName  = "SystemError"
)

// invalid is the error of credentials that are not accepted. happn-3 clients do
// not try again after code 401 or 403.
func invalid(message string) error {
	return &security.Error{Name: accessDeniedName, Code: 401, Message: message}
}

// denied is the error of what is not allowed.
func denied(message string) error {
	return &security.Error{Name: accessDeniedName, Code: 403, Message: message}
}

func systemError(message string) error {
	return &security.Error{Name: systemErrorName, Code: 500, Message: message}
}

func plainError(message string) error { return &security.Error{Name: "Error", Message: message} }

// wrongCredentials is the same whatever is wrong with them.
func wrongCredentials() error { return invalid("Invalid credentials") }

// busy is the error of a login that may be tried again; happn-3 clients do so
// after five seconds.
func busy(message string) error {
	return &security.Error{Name: "TooManyRequests", Code: 429, Message: message}
}

// isBusy reports whether an error is one of busy.
func isBusy(err error) bool {
	var shown *security.Error
	return errors.As(err, &shown) && shown.Code == 429
}

// fault is failed for what somebody else's code did. What clients are not told
// is logged.
func (s *Service) fault(what, user string, err error) error {
	if !errors.As(err, new(*security.Error)) {
		s.faults.Warn(s.options.Logger, what, what, err, "user", user)
	}
	return failed(err)
}

// failed turns the error of a check that could not be made into one for clients.
func failed(err error) error {
	var shown *security.Error
	switch {
	case errors.As(err, &shown):
		return err
	case errors.Is(err, password.ErrBusy):
		return busy(password.ErrBusy.Error())
	}
	return systemError("the login could not be checked; try again, or ask the operator to look at the log")
}
