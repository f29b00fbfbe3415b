// Package integration tests the built product from outside: real caddy and
// nats-server processes, configured with real Caddyfiles, spoken to over HTTP
// and NATS.
package integration

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what ./xcaddy.sh builds: Caddy's own modules, and ours
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"

	_ "github.com/caddy-webhooks/caddy-webhooks/caddymodule"
)

// TestMain puts programs on PATH that are this test binary under other names,
// so that tests start separate processes of Caddy and NATS with nothing
// installed. With CADDY_BIN set, caddy is that program instead.
func TestMain(m *testing.M) {
	if bin := os.Getenv("CADDY_BIN"); bin != "" {
		found, err := exec.LookPath(bin)
		if err == nil {
			found, err = filepath.Abs(found)
		}
		if err == nil {
			err = os.Setenv("CADDY_BIN", found)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "CADDY_BIN:", err)
			os.Exit(1)
		}
	}
	runSideBySide()
	testscript.Main(m, map[string]func(){
		"caddy":       runCaddy,
		"nats-server": runNATSServer,
		"oldserver":   runOldServer,
		"deliveries":  runDeliveries,
		"receiver":    runReceiver,
		"interrupted": runInterrupted,
		"onterminal":  runOnTerminal,
	})
}

// sideBySide is how many tests run at one time at least: most of them wait for
// processes and for timeouts, and not for the processor.
const sideBySide = 4

// runSideBySide sees to it, unless the flag -parallel says otherwise. The programs
// above have flags of their own.
func runSideBySide() {
	if !strings.HasSuffix(strings.TrimSuffix(os.Args[0], ".exe"), ".test") {
		return
	}
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if asked {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(max(runtime.GOMAXPROCS(0), sideBySide))); err != nil {
		panic(err)
	}
}

func runCaddy() {
	bin := os.Getenv("CADDY_BIN")
	if bin == "" {
		caddycmd.Main()
		return
	}
	err := syscall.Exec(bin, os.Args, os.Environ())
	fmt.Fprintf(os.Stderr, "running %s: %v\n", bin, err)
	os.Exit(1)
}

// runNATSServer is the nats-server of the module that go.mod names, with the
// flags of the real one that matter here: -a, -p, -js, -sd, -c.
func runNATSServer() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "nats-server:", err)
			os.Exit(1)
		}
	}
	opts, err := natsserver.ConfigureOptions(newFlagSet("nats-server"), os.Args[1:],
		func() { fmt.Println(natsserver.VERSION) }, func() {}, func() {})
	fail(err)
	s, err := natsserver.NewServer(opts)
	fail(err)
	s.ConfigureLogger()
	// It handles SIGTERM and SIGINT by itself.
	fail(natsserver.Run(s))
	s.WaitForShutdown()
}
