package integration

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// runOnTerminal is the program `onterminal [-width N] [-only stdout|stderr] [-type LINE]
// PROGRAM [ARG...]`: it runs a program whose standard output and error are a terminal, copies
// what appears on the terminal to its own standard output, and exits as the program
// does.
func runOnTerminal() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "onterminal:", err)
			os.Exit(125)
		}
	}
	fs := newFlagSet("onterminal")
	width := fs.Uint("width", 100, "so many columns")
	only := fs.String("only", "", "which output is the terminal: stdout or stderr (default: both)")
	line := fs.String("type", "", "type this line, so that standard input is the terminal as well")
	fail(fs.Parse(os.Args[1:]))
	if fs.NArg() == 0 {
		fail(errors.New("usage: onterminal [-width N] [-only stdout|stderr] [-type LINE] PROGRAM [ARG...]"))
	}
	// Not through os.OpenFile's poller: the descriptor is asked for by ioctl.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	fail(err)
	fail(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	fail(err)
	fail(unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(*width)}))
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	fail(err)
	cmd := exec.Command(fs.Arg(0), fs.Args()[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, slave, slave
	if *line != "" {
		cmd.Stdin = slave
		_, err := master.WriteString(*line + "\n")
		fail(err)
	}
	switch *only {
	case "stdout":
		cmd.Stderr = os.Stderr
	case "stderr":
		cmd.Stdout = os.Stdout
	}
	fail(cmd.Start())
	fail(slave.Close())
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(os.Stdout, master) // ends with EIO when the program has ended
	}()
	err = cmd.Wait()
	<-copied
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	fail(err)
}
