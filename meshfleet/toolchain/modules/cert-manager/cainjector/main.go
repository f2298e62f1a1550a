// cert-manager's CA injector, which has API servers trust webhooks, cert-manager's own among them.
//
// It takes the flags that the chart passes to upstream's (cmd/cainjector), but no configuration file.
package main

import (
	"context"
	"os"

	"github.com/cert-manager/cert-manager/cmd/program"
	_ "github.com/cert-manager/cert-manager/internal/cainjector/feature"
	"github.com/cert-manager/cert-manager/pkg/client/clientset/versioned/scheme"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	"github.com/cert-manager/cert-manager/pkg/util"
	"github.com/cert-manager/cert-manager/pkg/util/feature"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

type options struct {
	election  program.Election
	injecting cainjector.SetupOptions
	metrics   string
}

func main() {
	// Its defaults are upstream's.
	chosen := &options{injecting: cainjector.SetupOptions{EnabledReconcilersFor: map[string]bool{
		cainjector.MutatingWebhookConfigurationName:   true,
		cainjector.ValidatingWebhookConfigurationName: true,
		cainjector.APIServiceName:                     true,
		cainjector.CustomResourceDefinitionName:       true,
	}}}
	flags := pflag.NewFlagSet(os.Args[0], pflag.ContinueOnError)
	flags.StringVar(&chosen.metrics, "metrics-listen-address", "0.0.0.0:9402", "where metrics are served; 0 for nowhere")
	flags.StringVar(&chosen.injecting.Namespace, "namespace", "", "the only namespace whose Certificates are used")
	flags.BoolVar(&chosen.injecting.EnableCertificatesDataSource, "enable-certificates-data-source", true,
		"inject CAs of Certificates too")
	chosen.election.AddFlags(flags)
	feature.DefaultMutableFeatureGate.AddFlag(flags)
	program.Run("cainjector", flags, nil, chosen.run)
}

func (o *options) run(ctx context.Context) error {
	known := runtime.NewScheme()
	adding := []func(*runtime.Scheme) error{
		kubernetes.AddToScheme, scheme.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme,
	}
	for _, add := range adding {
		if err := add(known); err != nil {
			return err
		}
	}
	reached, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	watched := cache.Options{ReaderFailOnMissingInformer: true}
	if o.injecting.Namespace != "" {
		watched.DefaultNamespaces = map[string]cache.Config{o.injecting.Namespace: {}}
	}
	// What it applies is under the name that this gives: without one the API server refuses it.
	manager, err := ctrl.NewManager(util.RestConfigWithUserAgent(reached, "cainjector"), ctrl.Options{
		Scheme: known,
		Cache:  watched,
		// Each Secret is read when it is used, so that all of them need not be held.
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		Metrics:                       metrics.Options{BindAddress: o.metrics},
		LeaderElection:                o.election.Enabled,
		LeaderElectionID:              "cert-manager-cainjector-leader-election",
		LeaderElectionNamespace:       o.election.Namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &o.election.Lease,
		RenewDeadline:                 &o.election.Deadline,
		RetryPeriod:                   &o.election.Retrying,
	})
	if err != nil {
		return err
	}
	if err := cainjector.RegisterAllInjectors(ctx, manager, o.injecting); err != nil {
		return err
	}
	return manager.Start(ctx)
}
