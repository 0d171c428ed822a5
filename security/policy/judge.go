package policy

import (
	"context"
	"fmt"
)

// Session is a session that logs in, as profiles see it.
type Session struct {
	// Record is the session's record as a JSON object, with user, info and
	// whatever else filters may look at. Its type is set for each type that a
	// policy is chosen for.
	Record   []byte
	Username string
	ID       string
	Address  string // network address of the client; "" for one in this process
}

// Judge decides about sessions by means of its own, in place of a filter and a
// policy. It may be called from many goroutines.
type Judge interface {
	Name() string
	// Judge returns the policy of a session for the type that its record says,
	// nil if another profile is to decide. An error refuses the login.
	Judge(ctx context.Context, s *Session) (*Policy, error)
}

// Judges supplies those that there are at the moment, in their order. It is
// asked at every login, and answers at once.
type Judges interface {
	Judges() []Judge
}

// ask returns what the judges decide that no profile names: they come first.
func (p *Profiles) ask(ctx context.Context, judges []Judge, s *Session) (*Policy, error) {
	for _, judge := range judges {
		if p.named[judge.Name()] {
			continue
		}
		if decided, err := judge.Judge(ctx, s); decided != nil || err != nil {
			return decided, err
		}
	}
	return nil, nil
}

// decide returns the policy of a profile whose filter matches. One whose judge
// is not there lets nobody in: it stands for a rule that cannot be told.
func (p *profile) decide(ctx context.Context, judges []Judge, s *Session) (*Policy, error) {
	if p.judge == "" {
		return p.policy, nil
	}
	for _, judge := range judges {
		if judge.Name() == p.judge {
			return judge.Judge(ctx, s)
		}
	}
	return nil, fmt.Errorf("profile %s asks the plugin %s, which does not run; start it or take the profile out", p.name, p.judge)
}
