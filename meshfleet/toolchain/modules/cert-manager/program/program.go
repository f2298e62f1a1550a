// Package program is what cert-manager's programs have in common: flags, a log, and an end at a signal.
package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/spf13/pflag"
	logsapi "k8s.io/component-base/logs/api/v1"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Election says how one of several processes of a program is chosen, in the words of upstream's flags.
type Election struct {
	Enabled                   bool
	Namespace                 string
	Lease, Deadline, Retrying time.Duration
}

// AddFlags adds the flags of an election, with the values that Kubernetes recommends for it.
func (e *Election) AddFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&e.Enabled, "leader-elect", true, "let only one of several processes work")
	flags.StringVar(&e.Namespace, "leader-election-namespace", "kube-system", "where the Lease of the one that works is")
	flags.DurationVar(&e.Lease, "leader-election-lease-duration", time.Minute, "how long the Lease lasts")
	flags.DurationVar(&e.Deadline, "leader-election-renew-deadline", 40*time.Second, "how long renewing it may take")
	flags.DurationVar(&e.Retrying, "leader-election-retry-period", 15*time.Second, "how often it is tried")
}

// Run parses the flags of the program and has it work until a signal ends it; it exits when it fails.
//
// logging is what flags say of the log, and is added to them unless something else has done so.
func Run(name string, flags *pflag.FlagSet, logging *logsapi.LoggingConfiguration, work func(context.Context) error) {
	if logging == nil {
		logging = logsapi.NewLoggingConfiguration()
		logf.AddFlags(logging, flags)
	}
	if err := run(name, flags, logging, work); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name string, flags *pflag.FlagSet, logging *logsapi.LoggingConfiguration, work func(context.Context) error) error {
	if err := flags.Parse(os.Args[1:]); errors.Is(err, pflag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	logf.InitLogs()
	defer logf.FlushLogs()
	if err := logf.ValidateAndApply(logging); err != nil {
		return err
	}
	ctrl.SetLogger(logf.Log)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return work(logf.NewContext(ctx, logf.Log, name))
}
