package plugin

import (
	"context"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// ask shows a record to a hook that decides about a login. It returns PASS,
// REPLACE with the data that check has found good, or REJECT with a *Refusal.
// Any other error is a fault, which refuses the login whatever anybody's manifest
// says: who makes a plugin fail must not get past it.
func (b *binding) ask(ctx context.Context, rec *abi.Record, check func(data []byte) error) (abi.Verdict, []byte, error) {
	verdict, output, err := b.call(ctx, rec)
	if err == nil {
		var data []byte
		switch verdict {
		case abi.VerdictPass:
			return verdict, nil, nil
		case abi.VerdictReject:
			return verdict, nil, answer.RefusalOf(output)
		case abi.VerdictError:
			err = fmt.Errorf("hook failed: %s", answer.ErrorText(output))
		default:
			if data, err = answer.Replacement(output, check); err == nil {
				return verdict, data, nil
			}
		}
		b.failed(rec.SessionID, verdict, err)
	}
	return abi.VerdictError, nil, fmt.Errorf("plugin %s: %s: %w", b.name, hook.RulesAt(b.place).Kind, err)
}

// absent makes an empty text an absent section.
func absent(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}
