//go:build !wasip1

package sdktest

import (
	"fmt"
	"strings"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin"
)

// partHits is how many hits are asked for at once.
const partHits = 100

func search(call plugin.Call, pattern, query, argument string) (all []pipeline.Hit, err error) {
	if call == nil {
		return nil, errNoHook
	}
	for {
		verdict, output, err := call(&abi.Record{
			Kind: abi.KindSearch, Action: abi.ActionGet, Path: []byte(pattern), Data: []byte(argument),
			Options: fmt.Appendf(nil, `{"query":%q,"skip":%d,"limit":%d}`, query, len(all), partHits),
		})
		if err != nil {
			return nil, err
		}
		hits, more, err := plugin.SearchHits(verdict, output, partHits)
		if all = append(all, hits...); err != nil || !more {
			return all, err
		}
		if len(hits) == 0 {
			return nil, fmt.Errorf("the plugin says that there is more behind %d hits, and gives nothing", len(all))
		}
	}
}

func operator(call plugin.Call, name, argument string, ranks bool, values []string) ([]pipeline.Score, error) {
	if call == nil {
		return nil, errNoHook
	}
	verdict, output, err := call(&abi.Record{
		Kind: abi.KindSearch, Action: abi.ActionGet, Path: []byte("*"), Options: fmt.Appendf(nil, `{"operator":%q}`, name),
		Data: fmt.Appendf(nil, `{"argument":%s,"values":[%s]}`, argument, strings.Join(values, ",")),
	})
	if err != nil {
		return nil, err
	}
	return plugin.SearchScores(verdict, output, ranks, len(values))
}
