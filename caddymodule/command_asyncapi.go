package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// contractFlags say of which configuration a contract is.
type contractFlags struct{ config, adapter, address string }

// runningConfig is what --config is for the configuration of the Caddy that runs.
const runningConfig = "running"

func (c *contractFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.config, "config", runningConfig, "configuration `file`, or running for that of the Caddy that runs")
	f.StringVar(&c.adapter, "adapter", "", "`name` of the config adapter of --config (default: caddyfile, unless the file ends in .json)")
	f.StringVar(&c.address, "address", "", "`address` of Caddy's admin API (default: $CADDY_ADMIN, or "+cli.DefaultAdmin+")")
	completeValues(cmd, "adapter", "caddyfile", "json5", "yaml")
}

// source returns what reads the contract.
func (c *contractFlags) source() (cli.ContractSource, error) {
	if c.config == runningConfig || c.config == "" {
		if c.adapter != "" {
			return nil, usageError("--adapter belongs to --config with a file")
		}
		return cli.RunningContract(c.address), nil
	}
	if c.address != "" {
		return nil, usageError("--address and --config contradict each other: one is of the Caddy that runs, the other a file")
	}
	return func(context.Context) (*cli.Contract, error) { return configuredContract(c.config, c.adapter) }, nil
}

// formatOr returns the format that is asked for with --format or with --json.
func formatOr(format string, asJSON bool) (string, error) {
	switch {
	case !asJSON:
		return format, nil
	case format != "" && format != "json":
		return "", usageError("--json and --format %s contradict each other: leave one out", format)
	}
	return "json", nil
}

func asyncapiCommand() *cobra.Command {
	var where contractFlags
	var o cli.AsyncAPIOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "asyncapi",
		Short: "Writes an AsyncAPI document of the events that consumers can read",
		Long: `
Writes what consumers can rely on as an AsyncAPI 3.0 document: the servers, a channel
for each tenant and source with its subjects, the headers, the schemas of payloads, and
the operational events. It is of the Caddy that runs, which is asked through its admin
API, or of a configuration file, which is read as "caddy validate" reads it: nothing is
started.

Schemas are translated into draft 7, which AsyncAPI has as its own, wherever that says
the same, and otherwise stand in their draft, with a schemaFormat. What cannot be in
such a document is left out, with a warning. There is no secret in it, and for one
configuration it is always the same.`,
		Example: `  caddy webhooks asyncapi
  caddy webhooks asyncapi --config Caddyfile --out asyncapi.yaml
  caddy webhooks asyncapi --config Caddyfile --source github --format json`,
		Args: cobra.NoArgs,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, _ []string) (err error) {
			if o.Contract, err = where.source(); err != nil {
				return err
			}
			if o.Format, err = formatOr(o.Format, asJSON); err != nil {
				return err
			}
			o.Warn = cmd.ErrOrStderr()
			return cli.AsyncAPI(ctx, o, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Out, "out", "", "`file` to write (default: standard output)")
	f.StringVar(&o.Format, "format", "", "yaml or json (default: yaml, or json if --out ends in .json)")
	f.BoolVar(&asJSON, "json", false, "as --format json")
	f.StringVar(&o.Tenant, "tenant", "", "only routes of this tenant")
	f.StringVar(&o.Source, "source", "", "only this source")
	where.add(cmd)
	completeValues(cmd, "format", "yaml", "json")
	return cmd
}
