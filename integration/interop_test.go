package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// natsJS is where nats.js is installed, for which the tests need no network.
var natsJS = filepath.Join("clients", "natsjs")

// hasClient says which of the clients of other people are here: natscli, the nats
// command that NATS_CLI names, and natsjs, if NATS_JS is set.
func hasClient(name string) (bool, error) {
	switch name {
	case "natscli":
		return os.Getenv("NATS_CLI") != "", nil
	case "natsjs":
		if os.Getenv("NATS_JS") == "" {
			return false, nil
		}
		// Who asks for it must have it: nothing is skipped by mistake.
		if _, err := exec.LookPath("node"); err != nil {
			return false, err
		}
		_, err := os.Stat(filepath.Join(natsJS, "node_modules"))
		return err == nil, err
	default:
		return false, fmt.Errorf("unknown condition %s", name)
	}
}

// setClients tells the scripts where the clients are.
func setClients(env *testscript.Env) error {
	dir, err := filepath.Abs(natsJS)
	env.Setenv("NATS_CLI", os.Getenv("NATS_CLI"))
	env.Setenv("NATS_JS_DIR", dir)
	return err
}
