package cli

import (
	"fmt"
	"io"
	"slices"
)

// DoctorCode is a kind of finding.
type DoctorCode struct {
	// Code is a stable word, and Severity how bad it is.
	Code     string         `json:"code"`
	Severity DoctorSeverity `json:"severity"`
	// Means says in general what is wrong, Why what comes of it, and Cure what to
	// do about it.
	Means string `json:"means"`
	Why   string `json:"why"`
	Cure  string `json:"cure"`
}

// doctorFine is the code of what is as it should be.
const doctorFine = "fine"

// DoctorCodes are all kinds of findings, in the order of docs/doctor.md.
var DoctorCodes = []DoctorCode{
	// The configuration.
	{"config-adapt", DoctorProblem, "the configuration cannot be read", "Caddy does not start with it, and a reload leaves the old one", "correct the line that the message names"},
	{"config-load", DoctorProblem, "the configuration can be read and is not accepted", "Caddy does not start with it, and a reload leaves the old one", "do what the message says, and try `caddy validate`"},
	{"config-warning", DoctorNote, "Caddy warns about the configuration", "it loads; what is meant and what is written may differ", "do what the message says; `caddy fmt --overwrite` formats a Caddyfile"},
	{"no-routes", DoctorWarning, "there is no webhooks route", "nothing takes events", "add a line such as `webhooks /github github {env.GITHUB_WEBHOOK_SECRET}` to a site, or let `caddy webhooks init` write one"},

	// Secrets.
	{"secret-missing", DoctorProblem, "a secret has no value", "the configuration does not load: no secret, no verification", "set the environment variable, or write the file, and make it readable for Caddy alone; `--env-file` names a file with variables"},
	{"secret-empty", DoctorProblem, "a secret is empty", "the configuration does not load: everybody knows the empty secret", "put the secret of the provider there"},
	{"secret-reference", DoctorProblem, "a secret is written out, or would come from the request", "a configuration is stored, copied and shown by the admin API; and `{file.name}` without a slash means a part of the request's path", "write {env.NAME} or {file./absolute/path}"},
	{"secret-literal", DoctorWarning, "`insecure_literal_secret` permits a secret that is written out", "it can be read in the stored configuration and through the admin API", "write {env.NAME} or {file./absolute/path}, and remove `insecure_literal_secret`"},
	{"secret-padded", DoctorProblem, "a secret begins or ends with white space", "the configuration does not load: no signature would fit", "write it again without: `printf %s \"$SECRET\" > file`; one newline at the end of a file is fine"},
	{"secret-quoted", DoctorProblem, "a secret is in quotes", "the quotes are taken for a part of it, and no signature fits", "remove the quotes: Docker's --env-file and systemd's EnvironmentFile read them in different ways"},
	{"secret-format", DoctorProblem, "a secret does not have the provider's format", "the configuration does not load, or no signature fits", "copy it again from the provider"},
	{"secret-wrong-kind", DoctorProblem, "what is given is another credential of the provider", "no signature fits; and a credential is where it is not needed", "use the secret that the provider shows for webhooks"},
	{"secret-example", DoctorProblem, "a secret is a well-known example", "everybody can sign events with it", "make a fresh one with `openssl rand -hex 32`, and enter it at the provider"},
	{"secret-weak", DoctorWarning, "a secret can be guessed", "whoever has seen one signed request can try secrets without being noticed, and then sign events", "make a fresh one with `openssl rand -hex 32`, and enter it at the provider"},
	{"secret-shared", DoctorWarning, "routes of different providers have one secret", "whoever has it from one of them can sign events of the other", "give each its own"},
	{"secret-readable", DoctorWarning, "everybody on this machine can read a file with a secret", "they can sign events", "make it readable for Caddy alone: `chmod 600 <file>`"},
	{"secret-test-mode", DoctorWarning, "a site on the internet has a secret of a provider's test mode", "live events do not fit it, and those of tests are taken for real ones", "use the secret of the live mode here"},
	{"secret-ends", DoctorWarning, "the only secret of a route is about to end, or an old one has", "after that no event fits", "add the new one as the first `secret`, or change `until`"},

	// Routes.
	{"catch-all", DoctorProblem, "a site answers paths that are not those of a route with an empty 200", "a mistake in the URL at the provider loses every event, and the provider takes them for delivered", "end the site with `respond 404`"},
	{"route-shadowed", DoctorProblem, "a route is never reached", "what stands before it answers its requests", "move it, or change the path of one of the two"},
	{"route-matcher", DoctorWarning, "a matcher besides the path decides which requests a route sees", "what does not match is answered by what follows in the site, and not by the route", "match the path alone, and use `methods` and `allow_ips` in the route"},
	{"route-rewritten", DoctorWarning, "the path is changed before the route is matched", "the route may never see the path that is written in it", "give the rewrite a matcher that leaves the route's path alone, or put it into a `handle`"},
	{"auth-before", DoctorProblem, "requests have to log in before the route sees them", "providers cannot, and each event is answered 401", "give `basic_auth` or `forward_auth` a matcher that leaves the route's path out, or put it into a `handle`"},
	{"errors-success", DoctorProblem, "`handle_errors` answers with a status below 400", "a refused event is taken for delivered", "answer with `{err.status_code}`"},
	{"source-shared", DoctorWarning, "two routes have one source", "an event that comes on both is stored once, and metrics cannot tell them apart", "give one of them another name with `source <name>`, unless both belong to one webhook"},
	{"body-limit", DoctorWarning, "a route takes smaller bodies than the provider sends", "larger events are answered 413, and most providers do not send them again", "raise or remove `limits { body }`"},
	{"body-limit-site", DoctorWarning, "`request_body` of the site takes smaller bodies than the route", "larger events are answered 413, and most providers do not send them again", "give `request_body` a matcher that leaves the route's path out: the route has a limit of its own"},
	{"tolerance-wide", DoctorWarning, "old signatures are taken for longer than an hour", "a captured request can be sent again for so long", "remove `tolerance`: the provider's own window is what its retries need"},
	{"publish-timeout", DoctorWarning, "the route waits longer for NATS than the provider waits for the answer", "the provider gives up first, sends again, and counts a failure", "remove `publish { timeout }`, or make it shorter than the provider's deadline"},
	{"handshake-off", DoctorWarning, "handshakes are off for a provider that asks for one", "the webhook cannot be set up, or the provider turns it off", "remove `handshake off`"},
	{"handshake-option", DoctorWarning, "a handshake needs an option that is not set", "the provider's request to confirm the webhook is refused", "set the option"},
	{"route-unverified", DoctorWarning, "a route takes events of anybody", "whoever knows the URL can send events; they go to wh-unverified.v1.> alone", "use a provider of the catalogue, or describe the sender with `verify`"},
	{"quarantine-off", DoctorWarning, "a route keeps nothing in quarantine", "what a schema refuses, and what contradicts an earlier event, is answered 422 and lost", "remove `quarantine off`"},
	{"spool-off", DoctorWarning, "events of a provider that never sends again are not kept while the cluster is away", "each of them is lost", "remove `spool off`, or write `spool on_outage`"},
	{"body-store-off", DoctorWarning, "`body_store off`, and a provider sends bodies that are larger than a message", "they are answered 413", "remove `body_store off`"},
	{"dedupe-window", DoctorWarning, "ids are remembered for less long than a provider sends again", "a late retry is stored as a new event", "raise `duplicate_window`, or remove it"},
	{"tenants-empty", DoctorWarning, "there is no secret of any tenant", "each request is answered 404", "write the first tenant's secret; see docs/tenants.md"},

	// The way from the provider to Caddy.
	{"public-url", DoctorWarning, "the provider signs its URL, and Caddy sees another", "behind a proxy that ends TLS the scheme differs, and no signature fits", "set `public_url https://<the host that is entered at the provider>`"},
	{"public-url-host", DoctorWarning, "`public_url` names a host that is none of the site's", "a signature over the URL fits only if that host is what is entered at the provider", "write the host that is entered at the provider"},
	{"trusted-proxies", DoctorWarning, "addresses count, and behind a proxy all requests come from one", "`allow_ips` refuses everything, or lets everything in, and limits per client are limits for all", "name the proxies: `servers { trusted_proxies static private_ranges; trusted_proxies_strict }`, each on a line of its own"},
	{"trusted-proxies-strict", DoctorWarning, "`trusted_proxies` without `trusted_proxies_strict`", "the client's address is the first in X-Forwarded-For, which the sender may have written", "add `trusted_proxies_strict` to the option `servers`"},
	{"http-plain", DoctorWarning, "a site is served without TLS on an address that others reach", "events can be read on the way, and so can tokens", "write the domain as the site's address, so that Caddy gets a certificate; behind a proxy that ends TLS set `trusted_proxies`, or `public_url https://...`"},
	{"https-redirect", DoctorProblem, "`public_url` is http://, and the site is served with TLS", "Caddy answers http:// with a redirect (308), which providers do not follow: every event is lost", "write https://, here and at the provider"},

	// Logs.
	{"log-secrets", DoctorWarning, "the access log shows a secret", "Caddy hides Authorization and cookies only, and this provider sends its secret elsewhere", "filter the log of the site"},
	{"error-log-secrets", DoctorWarning, "the log of errors shows a secret", "Caddy logs the request when a handler fails, and hides Authorization and cookies only", "filter the default log in the global block"},
	{"log-credentials", DoctorWarning, "`log_credentials` is on", "the access log shows Authorization, in which some providers send their secret", "remove `log_credentials`"},

	// The admin API and the clock.
	{"admin-off", DoctorNote, "the admin API is off", "`caddy reload`, and `caddy webhooks replay`, `quarantine` and `dedupe` need it", "remove `admin off`; it listens on localhost alone"},
	{"admin-open", DoctorProblem, "the admin API listens on an address that others reach", "whoever reaches it can change the configuration and read events", "let it listen on localhost:2019 or on a socket"},
	{"clock-skew", DoctorProblem, "this machine's clock is wrong", "signatures have a time, and all are stale, or of the future", "let the machine follow a time server: `timedatectl set-ntp true`"},
	{"clock-behind", DoctorProblem, "the configuration is from the future", "the clock of this machine is behind, and signatures would be of the future", "let the machine follow a time server: `timedatectl set-ntp true`"},

	// NATS.
	{"nats-unreachable", DoctorProblem, "no NATS server answers", "events are answered 503, and providers send them again for as long as they do", "start the servers, or correct the URLs, the firewall or the DNS"},
	{"nats-server-unreachable", DoctorWarning, "one of several NATS servers does not answer", "the gateway uses the others", "start it, or remove its URL"},
	{"nats-login", DoctorProblem, "NATS refuses the login", "events are answered 503", "correct the user, the token or the credentials"},
	{"nats-tls", DoctorProblem, "the certificate of a NATS server does not fit", "no connection is made, and events are answered 503", "use the name that is in the certificate, and name its authority with `tls { ca <file> }`"},
	{"nats-tls-ends", DoctorWarning, "the certificate of a NATS server is about to end", "after that no connection is made", "renew it"},
	{"nats-plain", DoctorWarning, "the connection to NATS is not encrypted, and not on this machine", "events, and the login, can be read on the way", "use tls:// and let the servers speak TLS"},
	{"nats-jetstream", DoctorProblem, "JetStream is off, for the server or the account", "nothing can be stored, and events are answered 503", "turn it on: `jetstream: enabled` for the server and the account"},
	{"nats-permissions", DoctorProblem, "the gateway's user lacks a permission", "what it may not do is refused", "see docs/permissions.md"},
	{"nats-version", DoctorWarning, "the NATS server is too old", "the retry of an event that it failed to store may be refused", "use nats-server 2.15 or later"},
	{"stream-unfit", DoctorProblem, "a stream does not keep what the gateway promises", "events are refused, or lost after they were acknowledged", "change the stream as it says"},
	{"stream-weak", DoctorWarning, "a stream keeps it less well than one may think", "an event may be lost, doubled or refused where it need not be", "change the stream as it says"},
	{"stream-note", DoctorNote, "what else there is to say about a stream", "", ""},
	{"ack-one-server", DoctorWarning, "one NATS server has each event", "what was acknowledged is lost with that server", "use `stream { replicas 3 }` in a cluster of three"},

	// The embedded server, and the spool.
	{"store-unwritable", DoctorProblem, "the directory of the store cannot be written", "Caddy does not start", "make it, for the user that Caddy runs as: `install -d -o caddy -m 700 <dir>`"},
	{"store-space", DoctorWarning, "the disk has less room than the store may take", "a full disk stops everything: events are answered 503", "make room, or lower `max_store`, or `max_size` of the spool"},
	{"store-filesystem", DoctorWarning, "the store is on a file system that does not keep it", "in memory, or in a container's own layer, it ends with them; file systems of networks may not sync", "use a directory on a disk, in a container a volume"},
	{"store-locked", DoctorProblem, "another process has the store", "a second one does not start", "stop the other, or give each its own `store_dir`"},
	{"store-sync", DoctorWarning, "a 2xx does not mean that the event is on the disk", "a power failure loses the events of the last interval", "remove `sync interval`"},
	{"listen-open", DoctorWarning, "the embedded server listens where others reach it", "there is no password: everybody there can read events", "let it listen on 127.0.0.1"},

	// The Caddy that runs.
	{"running-other-config", DoctorNote, "the Caddy that runs has another configuration", "what is found here is not about it", "load this one with `caddy reload`, or look at that one with --address"},
	{"running-not-ready", DoctorProblem, "the Caddy that runs takes no events", "they are answered 503", "see what it says, and its log"},
	{"running-refused", DoctorNote, "events were refused since it started", "a wrong secret, a wrong clock, or somebody who tries", "see the log; `caddy webhooks quarantine list` shows a sample of bad signatures"},
	{"running-conflicts", DoctorNote, "events came with the id of another event", "one of the two is in quarantine", "see `caddy webhooks quarantine list`"},
	{"running-quarantine", DoctorNote, "there are events in quarantine", "nobody has processed them", "see `caddy webhooks quarantine list`"},
	{"running-spool", DoctorNote, "events wait in the spool", "the cluster has not taken them yet", "see that the cluster is well"},
}

func doctorCode(code string) (DoctorCode, bool) {
	i := slices.IndexFunc(DoctorCodes, func(c DoctorCode) bool { return c.Code == code })
	if i < 0 {
		return DoctorCode{}, false
	}
	return DoctorCodes[i], true
}

// WriteDoctorCodes writes all kinds of findings: as a table of Markdown, or as JSON.
func WriteDoctorCodes(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, map[string]any{"codes": DoctorCodes})
	}
	if _, err := fmt.Fprint(w, "| Code | Severity | Means | Why | Cure |\n| --- | --- | --- | --- | --- |\n"); err != nil {
		return err
	}
	for _, c := range DoctorCodes {
		if _, err := fmt.Fprintf(w, "| `%s` | %s | %s | %s | %s |\n", c.Code, c.Severity, c.Means, c.Why, c.Cure); err != nil {
			return err
		}
	}
	return nil
}
