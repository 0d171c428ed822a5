package policy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security/policy"
)

// judge gives its own policy to users whose name begins with its.
type judge struct {
	name  string
	ttl   string
	asked []string
}

func (j *judge) Name() string { return j.name }

func (j *judge) Judge(_ context.Context, s *policy.Session) (*policy.Policy, error) {
	j.asked = append(j.asked, string(s.Record))
	switch {
	case s.Username == "refused":
		return nil, errors.New(j.name + " refuses")
	case strings.HasPrefix(s.Username, j.name):
		return policy.Parse([]byte(`{"ttl":` + j.ttl + `}`))
	}
	return nil, nil
}

type bench []policy.Judge

func (b *bench) Judges() []policy.Judge { return *b }

func TestJudgesDecideInTheirPlace(t *testing.T) {
	first, named := &judge{name: "first", ttl: "1"}, &judge{name: "named", ttl: "3"}
	judges := &bench{named, first}
	profiles, err := policy.Compile([]policy.Profile{
		{Session: []byte(`{"early":true}`), Policy: []byte(`{"ttl":2}`)},
		{Name: "asks", Session: []byte(`{"type":1}`), Judge: "named"},
		{Policy: []byte(`{"ttl":4}`)},
	}, judges)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		user, record string
		want         [2]int64
	}{
		"one without a place comes first":      {"first", `{"early":true}`, [2]int64{1, 1}},
		"before one with a place a profile is": {"named", `{"early":true}`, [2]int64{2, 2}},
		"its filter counts":                    {"named", `{}`, [2]int64{4, 3}},
		"the next profile is asked":            {"nobody", `{}`, [2]int64{4, 4}},
	} {
		both, err := profiles.For(t.Context(), &policy.Session{Record: []byte(c.record), Username: c.user})
		require.NoError(t, err, name)
		assert.Equal(t, c.want, [2]int64{both[0].TTL, both[1].TTL}, name)
	}
	assert.True(t, slices.Contains(first.asked, `{"type":0}`) && slices.Contains(first.asked, `{"type":1}`), "it is told the type")

	_, err = profiles.For(t.Context(), &policy.Session{Record: []byte(`{}`), Username: "refused"})
	require.EqualError(t, err, "first refuses")

	*judges = nil // they come and go
	_, err = profiles.For(t.Context(), &policy.Session{Record: []byte(`{}`), Username: "ann"})
	require.ErrorContains(t, err, "profile asks asks the plugin named, which does not run")
}

func TestAPolicyAllowsTheAddressesThatItLists(t *testing.T) {
	listed, err := policy.Parse([]byte(`{"sourceIPWhitelist":["10.0.0.0/8"]}`))
	require.NoError(t, err)
	any, err := policy.Parse([]byte(`{}`))
	require.NoError(t, err)
	assert.True(t, listed.Allows("10.1.2.3"))
	assert.False(t, listed.Allows("11.1.2.3"))
	assert.True(t, any.Allows("11.1.2.3"))
}
