"""From a program's name to a machine ready to run it: `loader` knows the kinds of programs, `pc`
and `dos` a PC and DOS as their user sets them up, `poweron`, `sinks` and `hostnetwork` the rest.
"""
