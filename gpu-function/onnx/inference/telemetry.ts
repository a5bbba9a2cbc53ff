/**
 * Turns off what onnxruntime-node reports to its vendor, which is on by default: it writes a device id and
 * a database into the user's cache folder and asks for the vendor's host. The library reads the process's
 * variables when it is loaded. A thread has a copy of them, so this runs on the main one, before.
 */
import process from "node:process";

process.env["ORT_DISABLE_TELEMETRY"] = "1";
