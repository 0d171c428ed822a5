package config

import (
	"net/url"
	"os"
	"strconv"
	"strings"
)

// Telemetry says what the host tells others about its work.
type Telemetry struct {
	Traces Traces `koanf:"traces"`
}

// Traces says which traces are recorded and where they are sent.
type Traces struct {
	Enabled    bool     `koanf:"enabled"`
	Endpoint   string   `koanf:"endpoint"`   // URL; "" is that of the environment, or the default of OpenTelemetry
	Headers    []string `koanf:"headers"`    // name=value
	CAFile     string   `koanf:"caFile"`     // "" trusts the authorities of the system
	Ratio      string   `koanf:"ratio"`      // of traces that are recorded, from 0 to 1
	Parents    bool     `koanf:"parents"`    // whether a traceparent from outside decides
	Paths      bool     `koanf:"paths"`      // whether paths are recorded
	Service    string   `koanf:"service"`    // "" is that of the environment, or happn-host
	Attributes []string `koanf:"attributes"` // name=value
	Queue      int      `koanf:"queue"`      // spans that wait, at most
}

// Share returns Ratio as a number.
func (t Traces) Share() float64 {
	share, _ := strconv.ParseFloat(t.Ratio, 64) // it has been checked
	return share
}

// Pairs returns the pairs of a list of name=value.
func Pairs(list []string) map[string]string {
	all := map[string]string{}
	for _, pair := range list {
		name, value, _ := strings.Cut(pair, "=")
		all[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return all
}

func telemetryKeys() []entry {
	return []entry{
		{name: "telemetry.traces.enabled", kind: kindSwitch,
			meaning: "Whether traces are recorded and sent to a collector of OpenTelemetry, by OTLP over HTTP."},
		{name: "telemetry.traces.endpoint", kind: kindText, check: checkCollector,
			meaning: "URL of the collector, such as `http://127.0.0.1:4318`; without a path, `/v1/traces`. `https` encrypts. Empty: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`, or `https://localhost:4318`."},
		{name: "telemetry.traces.headers", kind: kindList, check: checkPairs, secret: true,
			meaning: "Headers of each request to it, as `name=value`; `name={$env:NAME}` takes the value from a variable of the environment, `name={$file:path}` from a file. Empty: `OTEL_EXPORTER_OTLP_HEADERS`."},
		{name: "telemetry.traces.caFile", kind: kindText, check: checkOptionalFile,
			meaning: "File in PEM with the authorities that the collector's certificate may be from. Empty: those of the system, or `OTEL_EXPORTER_OTLP_CERTIFICATE`."},
		{name: "telemetry.traces.ratio", kind: kindText, check: checkRatio,
			meaning: "Part of the traces that are recorded, from `0` to `1`. It is drawn once for each request of a client or over HTTP, event and tick."},
		{name: "telemetry.traces.parents", kind: kindSwitch,
			meaning: "Whether the header `traceparent` of a request over HTTP says which trace it is a part of, and whether that is recorded. Turn it off where strangers send requests."},
		{name: "telemetry.traces.paths", kind: kindSwitch,
			meaning: "Whether the paths of documents and of requests over HTTP are recorded. They may tell about people. Data never are."},
		{name: "telemetry.traces.service", kind: kindText, check: checkPlain,
			meaning: "Name of the service. Empty: `OTEL_SERVICE_NAME`, or `happn-host`."},
		{name: "telemetry.traces.attributes", kind: kindList, check: checkPairs,
			meaning: "Attributes of the service, as `name=value`, beside those in `OTEL_RESOURCE_ATTRIBUTES`."},
		{name: "telemetry.traces.queue", kind: kindNumber, unit: "spans", min: 1, max: 1 << 20,
			meaning: "Spans that wait to be sent. When more do, they are dropped, and counted in `/metrics`."},
	}
}

func checkCollector(value any) (string, bool) {
	s, _ := value.(string)
	u, err := url.Parse(s)
	return "a URL that begins with http:// or https://, or nothing",
		s == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

func checkRatio(value any) (string, bool) {
	s, _ := value.(string)
	share, err := strconv.ParseFloat(s, 64)
	return "a number from 0 to 1", err == nil && share >= 0 && share <= 1
}

func checkPairs(value any) (string, bool) {
	list, _ := value.([]string)
	for _, pair := range list {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || strings.TrimSpace(name) == "" || strings.ContainsAny(pair, "\r\n\x00") || strings.TrimSpace(text) == "" {
			return "pairs such as name=value", false
		}
	}
	return "pairs such as name=value", true
}

// Revealed returns the pairs with what {$env:NAME} and {$file:path} stand for. The
// error names what is not there.
func Revealed(pairs map[string]string) (map[string]string, error) {
	all := map[string]string{}
	for name, value := range pairs {
		inner, reference := strings.CutPrefix(value, "{$")
		inner, closed := strings.CutSuffix(inner, "}")
		kind, what, named := strings.Cut(inner, ":")
		what = strings.TrimSpace(what)
		switch {
		case reference && closed && named && kind == "env":
			found, ok := os.LookupEnv(what)
			if !ok {
				return nil, &Error{Key: "telemetry.traces.headers", Reason: "the environment has no variable " + what + "; set it"}
			}
			value = found
		case reference && closed && named && kind == "file":
			text, err := os.ReadFile(what)
			if err != nil {
				return nil, &Error{Key: "telemetry.traces.headers", Reason: err.Error()}
			}
			value = strings.TrimRight(string(text), "\r\n")
		}
		all[name] = value
	}
	return all, nil
}
