package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/happn-host/happn-host/datastore"
)

// The servers and the account that no client may hear of.
const (
	server  = "db1.example.com:27017"
	account = "bob@admin"
)

func TestFailuresAreShownWithoutServersAndAccounts(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New(server + ": refused")}
	for name, c := range map[string]struct {
		err    error
		shown  string
		is     error
		logged bool
	}{
		"no server": {err: topology.ServerSelectionError{Wrapped: fmt.Errorf("Servers: [{ Addr: %s }]", server)},
			shown: ErrAway.Error(), is: ErrAway},
		"a broken connection": {err: mongo.CommandError{Message: "connection(" + server + "[-5]) incomplete read", Labels: []string{"NetworkError"}, Wrapped: dial},
			shown: broken, is: dial, logged: true},
		"too late": {err: fmt.Errorf("connection(%s) timed out: %w", server, context.DeadlineExceeded),
			shown: tooLate, is: context.DeadlineExceeded, logged: true},
		"no free connection": {err: topology.WaitQueueTimeoutError{Wrapped: errors.New(server)}, shown: tooLate, logged: true},
		"given up":           {err: fmt.Errorf("connection(%s): %w", server, context.Canceled), shown: givenUp, is: context.Canceled},
		"an account": {err: mongo.CommandError{Code: 13, Name: "Unauthorized", Message: account + " is not authorized on happn"},
			shown: notPermitted, logged: true},
		"what the server refuses": {err: mongo.CommandError{Code: 2, Message: "BadValue: 10:30 on shard rs0/" + server + ",10.1.2.3:27018,[::1]:27017"},
			shown: "MongoDB refused it: BadValue: 10:30 on shard rs0/another server,another server,another server"},
		"a refused write": {err: mongo.WriteException{WriteErrors: mongo.WriteErrors{{Code: 121, Message: "Document failed validation"}}},
			shown: "MongoDB refused it: Document failed validation"},
		"a duplicate": {err: mongo.CommandError{Code: 11000, Message: `E11000 duplicate key error dup key: { data.mail: "a" }`},
			shown: datastore.ErrDuplicate.Error() + `: E11000 duplicate key error dup key: { data.mail: "a" }`, is: datastore.ErrDuplicate},
		"anything else": {err: errors.New("something at " + server), shown: unexplained, logged: true},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := &Store{watch: &watch{host: server}, options: Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
			for range 3 {
				got := s.failure(c.err)
				require.Equal(t, c.shown, got.Error())
				require.ErrorAs(t, got, new(datastore.Detailer))
				require.Contains(t, datastore.Detail(fmt.Errorf("store main: %w", got)), server)
				if c.is != nil {
					require.ErrorIs(t, got, c.is)
				}
				require.Equal(t, got, s.failure(got), "what is a failure stays the one it is")
			}
			lines := bytes.Count(log.Bytes(), []byte("\n"))
			if c.logged {
				require.Equal(t, 1, lines, "the log says what is not shown, once in a while")
				require.Contains(t, log.String(), server)
			} else {
				require.Zero(t, lines)
			}
		})
	}
}
