package integration

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

// throughputMode is what the gateway does with an event after it was verified
// and validated. Without servers JetStream is embedded.
type throughputMode struct {
	name, nats, publish string
	servers             int
	settings            string // of JetStream in each server
}

var throughputModes = []throughputMode{
	{name: "not published", nats: "sync always", publish: "publish off\n\t\tpass_thru"},
	{name: "group commit", nats: "sync always"},
	{name: "one by one", nats: "sync always\n\t\t\tgroup_commit off"},
	{name: "sync interval", nats: "sync interval 2m"},
}

// clusterModes are those of servers that are processes of their own, on the same
// machine.
var clusterModes = []throughputMode{
	throughputModes[0],
	{name: "R1", servers: 1},
	{name: "R1, sync always", servers: 1, settings: "sync_interval: always"},
	{name: "R3", servers: 3},
	{name: "R3, sync always", servers: 3, settings: "sync_interval: always"},
}

// TestThroughput prints how many events a real Caddy takes in a second, from
// GitHub's signature and schema to the answer, and how that compares with the same
// without publishing. THROUGHPUT is how long each cell is measured, such as 5s.
func TestThroughput(t *testing.T) {
	measured := throughput(t, throughputModes)
	if group, single := median(measured[cell{256, 1}]), median(measured[cell{256, 2}]); group.rate < single.rate {
		t.Errorf("with 256 connections group commit takes %.0f events/s, and one by one %.0f", group.rate, single.rate)
	}
}

// TestClusterThroughput is the same with one and three nats-server processes.
func TestClusterThroughput(t *testing.T) { throughput(t, clusterModes) }

type cell struct{ conns, mode int }

func throughput(t *testing.T, modes []throughputMode) map[cell][]pace {
	t.Helper()
	each, err := time.ParseDuration(os.Getenv("THROUGHPUT"))
	if err != nil {
		t.Skip("set THROUGHPUT to how long to measure each cell, such as 5s")
	}
	body, err := os.ReadFile("testdata/github/payloads/02-push-valid.json")
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 3
	measured := make(map[cell][]pace)
	connections := []int{1, 16, 64, 256}
	for range rounds {
		for _, conns := range connections {
			for mode := range modes {
				t.Run(fmt.Sprintf("%s/%d", modes[mode].name, conns), func(t *testing.T) {
					c := cell{conns, mode}
					measured[c] = append(measured[c], run(t, modes[mode], conns, each, body))
				})
			}
		}
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "connections\t\tevents/s\tp50 ms\tp99 ms\tof not published\t\n")
	for _, conns := range connections {
		ceiling := median(measured[cell{conns, 0}])
		for mode, m := range modes {
			p := median(measured[cell{conns, mode}])
			_, _ = fmt.Fprintf(w, "%d\t%s\t%.0f\t%.1f\t%.1f\t%.2f\t\n", conns, m.name, p.rate, p.p50, p.p99, p.rate/ceiling.rate)
		}
	}
	_ = w.Flush()
	t.Logf("medians of %d rounds\n%s", rounds, table.String())
	return measured
}

// pace is what was measured in one cell, times in milliseconds.
type pace struct{ rate, p50, p99 float64 }

func median(list []pace) pace {
	if len(list) == 0 {
		return pace{}
	}
	sorted := slices.SortedFunc(slices.Values(list), func(a, b pace) int { return int(a.rate - b.rate) })
	return sorted[len(sorted)/2]
}

// run measures one mode with that many connections.
func run(t *testing.T, m throughputMode, conns int, each time.Duration, body []byte) pace {
	t.Helper()
	dir, addr := t.TempDir(), freeAddr(t)
	schemas, err := filepath.Abs("testdata/github/schemas")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "Caddyfile")
	broker := "nats embedded {\n\t\t\t" + m.nats + "\n\t\t}"
	if m.servers > 0 {
		c := startCluster(t, m.servers, m.settings)
		broker = fmt.Sprintf("nats %s\n\t\tspool off\n\t\tstream {\n\t\t\treplicas %d\n\t\t}", strings.Join(c.urls, " "), m.servers)
	}
	config := fmt.Sprintf(`{
	admin off
	auto_https off
	log {
		level ERROR
	}
	webhooks {
		%s
	}
}
http://%s {
	webhooks /github github {env.THROUGHPUT_SECRET} {
		schema {
			dir %s
		}
		%s
	}
	respond /github 200
}
`, broker, addr, schemas, m.publish)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "a-secret-for-throughput"
	startCaddy(t, dir, file, "THROUGHPUT_SECRET="+secret)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	l := &load{
		url: "http://" + addr + "/github", body: body, signature: "sha256=" + hex.EncodeToString(mac.Sum(nil)),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns}},
	}
	defer l.client.CloseIdleConnections()
	waitFor(t, 20*time.Second, "the gateway takes events", func() error { return l.send() })
	l.last(conns, each/5) // what is first is slower
	p := l.last(conns, each)
	if n := l.failed.Load(); n > 0 || p.rate == 0 {
		t.Errorf("%d requests were not answered with 200", n)
	}
	return p
}

// load sends events with ids of their own.
type load struct {
	url, signature string
	body           []byte
	client         *http.Client
	sent           atomic.Int64
	failed         atomic.Int64
}

func (l *load) send() error {
	req, err := http.NewRequest(http.MethodPost, l.url, bytes.NewReader(l.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-GitHub-Delivery", fmt.Sprint("d-", l.sent.Add(1)))
	req.Header.Set("X-Hub-Signature-256", l.signature)
	res, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

// last sends on all connections for a while.
func (l *load) last(conns int, each time.Duration) pace {
	begin := time.Now()
	took := make([][]float64, conns)
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			for time.Since(begin) < each {
				at := time.Now()
				if err := l.send(); err != nil {
					l.failed.Add(1)
					continue
				}
				took[i] = append(took[i], float64(time.Since(at).Microseconds())/1000)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	if len(all) == 0 {
		return pace{}
	}
	return pace{float64(len(all)) / time.Since(begin).Seconds(), all[len(all)/2], all[len(all)*99/100]}
}
