package natspub

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// sideBySide is how many tests run at one time at least: most of them wait for
// servers and for timeouts, and not for the processor.
const sideBySide = 6

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		if err := flag.Set("test.parallel", strconv.Itoa(max(runtime.GOMAXPROCS(0), sideBySide))); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
