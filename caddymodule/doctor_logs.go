package caddymodule

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// doctorLog is one log of the configuration.
type doctorLog struct {
	name    string
	include []string
	exclude []string
	filter  map[string]map[string]any // by field; nil: there is none
	off     bool                      // nothing is written
}

// takes reports whether the log has what a logger of this name writes.
func (l *doctorLog) takes(logger string) bool {
	in := func(list []string) bool {
		return slices.ContainsFunc(list, func(name string) bool { return logger == name || strings.HasPrefix(logger, name+".") })
	}
	return !l.off && (len(l.include) == 0 || in(l.include)) && !in(l.exclude)
}

// hides reports whether the value of a header, or of a parameter of the URL, is not
// written.
func (l *doctorLog) hides(s cli.SecretPlace) bool {
	if l.filter["request"] != nil {
		return true
	}
	if s.Header != "" {
		for field := range l.filter {
			if field == "request>headers" || strings.EqualFold(field, "request>headers>"+s.Header) {
				return true
			}
		}
		return false
	}
	uri := l.filter["request>uri"]
	switch uri["filter"] {
	case nil:
		return false
	case "query":
		return slices.ContainsFunc(listAt(uri, "actions"), func(a map[string]any) bool { return a["parameter"] == s.Query })
	}
	return true // the whole of it is changed
}

// logs are those of the configuration. Without one for everything Caddy has one of
// its own.
func (d *doctor) logs() (list []doctorLog) {
	logs := mapAt(mapAt(d.raw, "logging"), "logs")
	names := slices.Sorted(maps.Keys(logs))
	if logs["default"] == nil {
		list = append(list, doctorLog{name: "default"})
	}
	for _, name := range names {
		log := mapAt(logs, name)
		l := doctorLog{name: name, include: texts(log["include"]), exclude: texts(log["exclude"])}
		if mapAt(log, "writer")["output"] == "discard" {
			l.off = true
		}
		if encoder := mapAt(log, "encoder"); encoder["format"] == "filter" {
			l.filter = make(map[string]map[string]any)
			for field, filter := range mapAt(encoder, "fields") {
				l.filter[field], _ = filter.(map[string]any)
			}
		}
		list = append(list, l)
	}
	return list
}

// shown is what one log shows of the requests of some routes.
type shown struct {
	code, log, place string
	routes           []string
	places           []cli.SecretPlace
}

// lookAtLogs looks at whether logs show secrets of senders.
func (d *doctor) lookAtLogs() {
	var list []*shown
	note := func(code string, l *doctorLog, k *doctorHook, s cli.SecretPlace, place string) {
		i := slices.IndexFunc(list, func(f *shown) bool { return f.code == code && f.log == l.name && f.place == place })
		if i < 0 {
			i = len(list)
			list = append(list, &shown{code: code, log: l.name, place: place})
		}
		f := list[i]
		if !slices.Contains(f.routes, k.label()) {
			f.routes = append(f.routes, k.label())
		}
		if !slices.Contains(f.places, s) {
			f.places = append(f.places, s)
		}
	}
	for _, k := range d.hooks {
		server := mapAt(k.doctorSite.raw, "logs")
		if show, _ := server["should_log_credentials"].(bool); show {
			d.Add("log-credentials", k.name(), d.places.global("servers"), "credentials are logged")
		}
		loggers := accessLoggers(server, k.hosts)
		for _, s := range cli.SecretPlaces(d.providerOf(k)) {
			if hiddenByCaddy[http.CanonicalHeaderKey(s.Header)] {
				continue
			}
			for i := range d.logged {
				l := &d.logged[i]
				if l.hides(s) {
					continue
				}
				if slices.ContainsFunc(loggers, l.takes) {
					note("log-secrets", l, k, s, cmp.Or(d.places.beside(k.place, "log"), k.place))
				}
				if l.takes("http.log.error") {
					note("error-log-secrets", l, k, s, cmp.Or(d.places.global("log"), d.places.site(k.place)))
				}
			}
		}
	}
	for _, f := range list {
		names := make([]string, len(f.places))
		for i, s := range f.places {
			names[i] = s.String()
		}
		kind, where := "access log", "in the site"
		if f.code == "error-log-secrets" {
			kind, where = "log of errors", "in the global block"
		}
		d.Add(f.code, strings.Join(f.routes, ", "), f.place, fmt.Sprintf("the %s %q shows %s", kind, f.log, strings.Join(names, ", ")),
			where+" write:\n"+strings.TrimRight(cli.LogFilter(f.places, ""), "\n"))
	}
}

// hiddenByCaddy are headers that Caddy does not log.
var hiddenByCaddy = map[string]bool{"Cookie": true, "Set-Cookie": true, "Authorization": true, "Proxy-Authorization": true}

// accessLoggers are the names of loggers that get the requests of a site; none, if
// its access log is off.
func accessLoggers(server map[string]any, hosts []string) (list []string) {
	if server == nil {
		return nil
	}
	const root = "http.log.access"
	names := mapAt(server, "logger_names")
	skipped := texts(server["skip_hosts"])
	unmapped, _ := server["skip_unmapped_hosts"].(bool)
	fallback, _ := server["default_logger_name"].(string)
	add := func(name string) {
		if name = strings.TrimSuffix(root+"."+name, "."); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	for _, host := range hosts {
		if slices.Contains(skipped, host) {
			continue
		}
		switch mapped := names[host].(type) {
		case nil:
			if !unmapped {
				add(fallback)
			}
		case string:
			add(mapped)
		default:
			for _, name := range texts(mapped) {
				add(name)
			}
		}
	}
	return list
}
