package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/happn-host/happn-host/host/config"
)

// wsaInUse and wsaDenied are Windows' own numbers for an address in use and a
// port that is reserved; syscall.EADDRINUSE does not match them there.
const (
	wsaInUse  = syscall.Errno(10048)
	wsaDenied = syscall.Errno(10013)
)

// explain turns an error of New or Start into one sentence that says what to do.
// The store and the plugins say that themselves; the network only has numbers.
func explain(err error, c config.Config) string {
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "listen" {
		return explainListen(err, c)
	}
	return err.Error()
}

func explainListen(err error, c config.Config) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, wsaInUse):
		return fmt.Sprintf("port %d of %s is in use; stop the program that listens there, or choose another port with --port (0 picks a free one): %s",
			c.Port, c.Host, err)
	case errors.Is(err, syscall.EACCES), errors.Is(err, wsaDenied):
		return fmt.Sprintf("this user may not listen on port %d; choose one above 1023 with --port: %s", c.Port, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("this machine has no address %s; choose one of its own with --host (0.0.0.0 is all of them): %s", c.Host, err)
	}
	return fmt.Sprintf("cannot listen on host %s port %d; check --host and --port: %s", c.Host, c.Port, err)
}
