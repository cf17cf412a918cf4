// forwardrecv: the OpenTelemetry Collector's Fluent Forward receiver, each record printed as one JSON line.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/fluentforwardreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f := fluentforwardreceiver.NewFactory()
	cfg := f.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(map[string]any{"endpoint": os.Args[1]}).Unmarshal(cfg); err != nil {
		panic(err)
	}
	m := plog.JSONMarshaler{}
	next, err := consumer.NewLogs(func(_ context.Context, ld plog.Logs) error {
		b, err := m.MarshalLogs(ld)
		if err == nil {
			fmt.Printf("%s\n", b)
		}
		return err
	})
	if err != nil {
		panic(err)
	}
	var set receiver.Settings = receivertest.NewNopSettings(f.Type())
	r, err := f.CreateLogs(ctx, set, cfg, next)
	if err != nil {
		panic(err)
	}
	var host component.Host = componenttest.NewNopHost()
	if err := r.Start(ctx, host); err != nil {
		panic(err)
	}
	<-ctx.Done()
	_ = r.Shutdown(context.Background())
}
