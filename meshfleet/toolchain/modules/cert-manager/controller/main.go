// cert-manager's controllers for certificates that a CA or Vault signs: a pod of its chart, or a process beside a cluster.
//
// Upstream's own program (cmd/controller) is a module that no index serves; its controllers are in the main module,
// whose internal packages only a module with such a name may import. Left out are ACME, Venafi, ingresses, certificate
// signing requests, metrics and configuration files; what the chart passes for them is taken and not used.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cert-manager/cert-manager/cmd/program"
	_ "github.com/cert-manager/cert-manager/internal/controller/feature"
	"github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/vault"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/vault"
	"github.com/cert-manager/cert-manager/pkg/util/feature"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// How long after the end of its Lease one that works is still taken for alive.
const graceOfLeader = 20 * time.Second

// Flags of what is left out, which the chart passes by default, or for values that may be shared with other clusters.
var unused = []string{
	"acme-http01-solver-extra-labels", "acme-http01-solver-image", "acme-http01-solver-runtime-class-name",
	"default-issuer-group", "default-issuer-kind", "default-issuer-name", "dns01-recursive-nameservers",
	"dns01-recursive-nameservers-only", "max-concurrent-challenges", "metrics-listen-address",
}

type options struct {
	controller.ContextOptions

	controllers []string
	election    program.Election
	health      string
	workers     int
}

func main() {
	chosen := &options{}
	flags := pflag.NewFlagSet(os.Args[0], pflag.ContinueOnError)
	flags.StringVar(&chosen.Kubeconfig, "kubeconfig", "", "path of a kubeconfig; left out in a pod")
	flags.StringVar(&chosen.Namespace, "namespace", "", "the only namespace to work for, without ClusterIssuers")
	flags.Float32Var(&chosen.KubernetesAPIQPS, "kube-api-qps", 20, "requests a second to the API server")
	flags.IntVar(&chosen.KubernetesAPIBurst, "kube-api-burst", 50, "requests to the API server at once")
	flags.StringVar(&chosen.IssuerOptions.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system",
		"where the Secrets of ClusterIssuers are")
	certificates := &chosen.CertificateOptions
	flags.BoolVar(&certificates.EnableOwnerRef, "enable-certificate-owner-ref", false,
		"remove what was issued with its Certificate")
	flags.StringSliceVar(&certificates.CopiedAnnotationPrefixes, "copied-annotation-prefixes",
		[]string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"},
		"which annotations of a Certificate its requests have too")
	flags.DurationVar(&certificates.CertificateRequestMinimumBackoffDuration,
		"certificate-request-minimum-backoff-duration", time.Hour, "when what failed is first tried again")
	flags.DurationVar(&certificates.CertificateRequestMaximumBackoffDuration,
		"certificate-request-maximum-backoff-duration", 32*time.Hour, "how long it is left alone at most")
	flags.StringSliceVar(&chosen.controllers, "controllers", []string{"*"}, "which to run: * for all, -name for all but it")
	flags.IntVar(&chosen.workers, "concurrent-workers", 5, "workers of each controller")
	flags.StringVar(&chosen.health, "internal-healthz-listen-address", "0.0.0.0:9403",
		"where /livez is served; empty for nowhere")
	chosen.election.AddFlags(flags)
	feature.DefaultMutableFeatureGate.AddFlag(flags)
	for _, name := range unused {
		flags.String(name, "", "not used")
		flags.Lookup(name).NoOptDefVal = "true"
	}
	program.Run("controller", flags, nil, chosen.run)
}

func (o *options) run(ctx context.Context) error {
	factory, err := controller.NewContextFactory(ctx, o.ContextOptions)
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	health := healthz.NewServer(graceOfLeader)
	if o.health != "" {
		listener, err := net.Listen("tcp", o.health)
		if err != nil {
			return err
		}
		group.Go(func() error { return health.Start(ctx, listener) })
	}
	work := func(ctx context.Context) error { return o.control(ctx, factory, shared) }
	group.Go(func() error {
		if !o.election.Enabled {
			return work(ctx)
		}
		return lead(ctx, o.election, shared.Client, health.LeaderHealthzAdaptor, work)
	})
	return group.Wait()
}

// control runs the controllers until the context ends, or one of them fails.
func (o *options) control(ctx context.Context, factory *controller.ContextFactory, shared *controller.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for name, construct := range controller.Known() {
		if !o.wants(name) {
			continue
		}
		one, err := construct(factory)
		if err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
		group.Go(func() error { return one.Run(o.workers, ctx) })
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	return group.Wait()
}

func (o *options) wants(name string) bool {
	if slices.Contains(o.controllers, "-"+name) || (name == "clusterissuers" && o.Namespace != "") {
		return false
	}
	// Where some are only left out, all others are meant.
	all := !slices.ContainsFunc(o.controllers, func(one string) bool { return !strings.HasPrefix(one, "-") })
	return all || slices.Contains(o.controllers, "*") || slices.Contains(o.controllers, name)
}

// lead has work done while this process is the one that was chosen for it, under the name of upstream's Lease.
func lead(
	ctx context.Context,
	election program.Election,
	client kubernetes.Interface,
	watched *leaderelection.HealthzAdaptor,
	work func(context.Context) error,
) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	lock, err := resourcelock.New(
		resourcelock.LeasesResourceLock, election.Namespace, "cert-manager-controller",
		client.CoreV1(), client.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: host + "-external-cert-manager-controller"},
	)
	if err != nil {
		return err
	}
	leading, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   election.Lease,
		RenewDeadline:   election.Deadline,
		RetryPeriod:     election.Retrying,
		ReleaseOnCancel: true,
		WatchDog:        watched,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				ended <- work(ctx)
				stop()
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	elector.Run(leading)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case err = <-ended:
	default:
	}
	return errors.Join(errors.New("this process works no longer: its Lease was lost, or a controller failed"), err)
}
