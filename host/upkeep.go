package host

import (
	"context"
	"time"

	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/security/token"
)

const (
	// upkeepEvery is the time between two looks at the keys of session tokens:
	// one document is read, and hosts that share a store hear of a new key.
	upkeepEvery = 10 * time.Second

	// sharedLead is the time that these have for it, some looks long.
	sharedLead = 30 * time.Second
)

// keyLead is the time before a new key signs.
func (h *Host) keyLead() time.Duration {
	for _, s := range h.config.Data.AllStores() {
		if s.Provider == config.ProviderMongoDB {
			return sharedLead
		}
	}
	return 0
}

// keyGrace is the time that tokens outlive their key, unless somebody names one.
func (h *Host) keyGrace() time.Duration {
	if after := h.config.Security.Token.RetireAfter; after > 0 {
		return after
	}
	return token.Never
}

// upkeep keeps the keys of session tokens up to date until ctx ends.
func (h *Host) upkeep(ctx context.Context) {
	ticker := time.NewTicker(upkeepEvery)
	defer ticker.Stop()
	when := token.Rotation{Every: h.config.Security.Token.RotateEvery, Grace: h.keyGrace()}
	failing := false
	for {
		made, err := h.secured.tokens.Maintain(ctx, when)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing: // told once, not at every look
			h.log.Warn("the keys of session tokens cannot be looked after; tokens go on with those that are known, and it is tried again", "error", err)
		case made:
			h.log.Info("session tokens have a new key", "id", h.secured.tokens.Keys()[0].ID)
		}
		failing = err != nil
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
