package tracing

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Options says what is recorded and where it goes. What is left empty comes from
// the environment variables of OpenTelemetry (OTEL_EXPORTER_OTLP_*,
// OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES), or else from its defaults.
type Options struct {
	Endpoint   string            // URL of the collector; without a path /v1/traces is added
	Headers    map[string]string // of each request to it
	CAFile     string            // PEM, of the authorities that its certificate may be from
	Ratio      float64           // of traces that are recorded, from 0 to 1
	Parents    bool              // a traceparent from outside decides instead
	Paths      bool              // paths of documents and of HTTP requests are recorded
	Service    string            // "" is happn-host
	Version    string            // of the program
	Instance   string            // name of this host
	Attributes map[string]string // of the resource
	Queue      int               // spans that wait to be sent, at most
	Failed     func(error)       // told of what could not be sent, from the sending goroutine; not nil
}

// exporter returns what sends spans to the collector.
func (o *Options) exporter(ctx context.Context) (*otlptrace.Exporter, error) {
	var options []otlptracehttp.Option
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%q is no URL of a collector such as http://127.0.0.1:4318", o.Endpoint)
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/v1/traces"
		}
		options = append(options, otlptracehttp.WithEndpointURL(u.String()))
	}
	if len(o.Headers) > 0 {
		options = append(options, otlptracehttp.WithHeaders(o.Headers))
	}
	if o.CAFile != "" {
		authorities, err := readAuthorities(o.CAFile)
		if err != nil {
			return nil, err
		}
		options = append(options, otlptracehttp.WithTLSClientConfig(&tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}))
	}
	return otlptracehttp.New(ctx, options...)
}

func readAuthorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(file + " holds no certificate in PEM")
	}
	return pool, nil
}

// resource says whose traces they are. What is configured counts for more than the
// environment, and that for more than what the host says itself.
func (o *Options) resource(ctx context.Context) (*resource.Resource, error) {
	configured := make([]attribute.KeyValue, 0, len(o.Attributes)+1)
	for name, value := range o.Attributes {
		configured = append(configured, attribute.String(name, value))
	}
	if o.Service != "" {
		configured = append(configured, attribute.String("service.name", o.Service))
	}
	return resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", "happn-host"), attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", o.Instance)),
		resource.WithFromEnv(),
		resource.WithAttributes(configured...))
}
