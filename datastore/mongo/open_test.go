package mongo_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/mongo"
)

func TestAStartWithoutAServerSaysWhereAndWhyAndKeepsSecrets(t *testing.T) {
	for _, url := range []string{
		"mongodb://bob:s3cret@127.0.0.1:1/?authSource=admin",
		"mongodb://bob:s3cret@127.0.0.1:1/?maxPoolSize=many",
	} {
		started := time.Now()
		_, err := mongo.Open(context.Background(), mongo.Options{URL: url, StartWait: 300 * time.Millisecond})
		require.ErrorContains(t, err, "127.0.0.1:1")
		require.NotContains(t, err.Error(), "s3cret")
		require.Less(t, time.Since(started), 10*time.Second)
	}
}

func TestAStartSaysNowAndThenThatItWaitsHoweverShortItsAttemptsAre(t *testing.T) {
	var log bytes.Buffer
	_, err := mongo.Open(context.Background(), mongo.Options{
		URL: "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", StartWait: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.Error(t, err)
	require.Equal(t, 1, strings.Count(log.String(), "waiting for the MongoDB server"), log.String())
}

func TestWritesThatNobodyAcknowledgesAreRefused(t *testing.T) {
	_, err := mongo.Open(context.Background(), mongo.Options{URL: "mongodb://127.0.0.1:1/", W: "0"})
	require.ErrorContains(t, err, "use 1 or majority")
}

func TestOptionsThatNobodyKnowsAreNamed(t *testing.T) {
	for name, o := range map[string]mongo.Options{
		"useUnifiedTopology": {URL: "mongodb://127.0.0.1:1", Extra: map[string]string{"useUnifiedTopology": "true"}},
		"maxPoolSize":        {URL: "mongodb://127.0.0.1:1/x?maxPoolSize=2", Extra: map[string]string{"maxPoolSize": "many"}},
	} {
		_, err := mongo.Open(context.Background(), o)
		require.ErrorContains(t, err, name)
	}
}

func TestTheHostOfAURLHasNoCredentials(t *testing.T) {
	for url, want := range map[string]string{
		"mongodb://127.0.0.1:27017":                 "127.0.0.1:27017",
		"mongodb://bob:p%40ss@a:1,b:2/happn?w=1":    "a:1,b:2",
		"mongodb+srv://bob:x@cluster.example.com/?": "cluster.example.com",
	} {
		require.Equal(t, want, mongo.HostOf(url))
	}
}
