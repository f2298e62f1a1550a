// cert-manager's webhook, which refuses what is no valid object of cert-manager.
//
// It takes all flags of upstream's (cmd/webhook), but no configuration file.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/cert-manager/cert-manager/cmd/program"
	config "github.com/cert-manager/cert-manager/internal/apis/config/webhook"
	"github.com/cert-manager/cert-manager/internal/apis/config/webhook/validation"
	"github.com/cert-manager/cert-manager/internal/webhook"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util/feature"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
	"github.com/spf13/pflag"
)

func main() {
	configuration, err := options.NewWebhookConfiguration()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	flags := pflag.NewFlagSet(os.Args[0], pflag.ContinueOnError)
	options.AddConfigFlags(flags, configuration)
	program.Run("webhook", flags, &configuration.Logging, func(ctx context.Context) error {
		return serve(ctx, configuration)
	})
}

func serve(ctx context.Context, configuration *config.WebhookConfiguration) error {
	if err := feature.DefaultMutableFeatureGate.SetFromMap(configuration.FeatureGates); err != nil {
		return err
	}
	if faults := validation.ValidateWebhookConfiguration(configuration, nil); len(faults) > 0 {
		return faults.ToAggregate()
	}
	server, err := webhook.NewCertManagerWebhookServer(logf.FromContext(ctx), *configuration)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}
