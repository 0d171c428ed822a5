package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// Command is `happn-host bench`: args are what follows that word. The report
// goes to stdout, what is wrong is returned. It imports no configuration: the
// server under load may be anybody's.
func Command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg := DefaultConfig()
	flags := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.URL, "url", cfg.URL, "server; without a path /primus is meant, /ws is the plain endpoint")
	flags.StringVar(&cfg.Username, "username", "", "user, for a secure server")
	flags.StringVar(&cfg.Password, "password", "", "password of the user")
	flags.IntVar(&cfg.Clients, "clients", cfg.Clients, "connections that send requests")
	flags.IntVar(&cfg.InFlight, "in-flight", cfg.InFlight, "requests under way on each connection")
	flags.IntVar(&cfg.Size, "size", cfg.Size, "bytes of a document")
	flags.DurationVar(&cfg.Duration, "duration", cfg.Duration, "how long to measure")
	flags.Int64Var(&cfg.Count, "count", 0, "measure so many operations instead of a duration")
	flags.DurationVar(&cfg.WarmUp, "warm-up", cfg.WarmUp, "load before measuring")
	flags.IntVar(&cfg.Docs, "docs", cfg.Docs, "set, get, get-wildcard: documents stored before")
	flags.IntVar(&cfg.Results, "results", cfg.Results, "get-wildcard: documents that a pattern finds")
	flags.IntVar(&cfg.Publishers, "publishers", cfg.Publishers, "pubsub: connections that publish")
	flags.IntVar(&cfg.Subscribers, "subscribers", cfg.Subscribers, "pubsub, subscriptions: connections that subscribe")
	flags.IntVar(&cfg.Subscriptions, "subscriptions", cfg.Subscriptions, "subscriptions: how many of them")
	flags.IntVar(&cfg.Connections, "connections", cfg.Connections, "idle: how many of them")
	flags.IntVar(&cfg.Consistency, "consistency", cfg.Consistency, "pubsub, subscriptions: 0 or 1 answer first, 2 publishes first")
	flags.BoolVar(&cfg.Store, "store", false, "pubsub, subscriptions: store what is published")
	flags.BoolVar(&cfg.Keep, "keep", false, "leave the documents that the run has stored")
	flags.IntVar(&cfg.ServerPID, "server-pid", 0, "process of the server on this machine, for its CPU and memory")
	flags.DurationVar(&cfg.Settle, "settle", cfg.Settle, "idle: wait before reading the server's memory")
	asJSON := flags.Bool("json", false, "report as JSON, durations in nanoseconds")
	flags.Usage = func() { usage(stderr, flags) }
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() != 1 {
		usage(stderr, flags)
		return fmt.Errorf("name one scenario: %s", strings.Join(Scenarios(), ", "))
	}
	cfg.Scenario = flags.Arg(0)
	report, err := Run(ctx, cfg)
	if err != nil {
		return err
	}
	if *asJSON {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return report.Text(stdout)
}

func usage(w io.Writer, flags *pflag.FlagSet) {
	_, _ = fmt.Fprintf(w, `Usage: happn-host bench <scenario> [flags]

Loads a happn server, checks every answer and tells how it did.

Scenarios:
  set             overwrite documents
  set-new         store new documents
  set-durable     store new documents, then read back what was acknowledged
  get             read documents by path
  get-wildcard    read --results documents out of --docs by a pattern
  pubsub          publish to subscribers, each of which gets everything
  subscriptions   publish under --subscriptions subscriptions, of which one matches
  connect         connect, log in and leave
  idle            hold connections and measure the server's memory for each

Flags:
%s`, flags.FlagUsages())
}

// Run makes one measurement. It fails when the server gives a wrong answer or
// none; the measurement is then worth nothing and not returned.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := newRun(cfg)
	defer r.close()
	var err error
	if r.desk, err = cfg.desk(ctx); err != nil {
		return nil, fmt.Errorf("bench %s: %w", cfg.Scenario, err)
	}
	defer r.desk.close()
	report, err := r.scenario(ctx)
	if err != nil {
		err = fmt.Errorf("bench %s: %w", cfg.Scenario, err)
	}
	if r.stores() && !cfg.Keep && ctx.Err() == nil {
		err = errors.Join(err, r.desk.remove(ctx, r.path("*")))
	}
	if err != nil {
		return nil, err
	}
	return report, nil
}

// stores reports whether the scenario leaves documents behind.
func (r *run) stores() bool {
	switch r.cfg.Scenario {
	case ScenarioConnect, ScenarioIdle:
		return false
	case ScenarioPubSub, ScenarioSubscriptions:
		return r.cfg.Store
	}
	return true
}

func (r *run) scenario(ctx context.Context) (*Report, error) {
	switch r.cfg.Scenario {
	case ScenarioConnect:
		return r.connect(ctx)
	case ScenarioIdle:
		return r.idle(ctx)
	case ScenarioPubSub:
		p, err := r.publications(ctx, r.cfg.Publishers)
		if err != nil {
			return nil, err
		}
		return p.pubsub(ctx)
	case ScenarioSubscriptions:
		p, err := r.publications(ctx, r.cfg.Clients)
		if err != nil {
			return nil, err
		}
		return p.under(ctx)
	}
	d, err := r.documents(ctx)
	if err != nil {
		return nil, err
	}
	switch r.cfg.Scenario {
	case ScenarioSet:
		return d.set(ctx)
	case ScenarioSetNew:
		return d.setNew(ctx)
	case ScenarioSetDurable:
		return d.setDurable(ctx)
	case ScenarioGet:
		return d.get(ctx)
	default:
		return d.getWildcard(ctx)
	}
}
