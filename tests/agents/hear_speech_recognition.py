"""What the package SpeechRecognition hears through OpenAI's: a program, RECORDING RECIPE."""

import json
import sys

import speech_recognition

recognizer = speech_recognition.Recognizer()
with speech_recognition.AudioFile(sys.argv[1]) as source:
    audio = recognizer.record(source)
print(json.dumps(eval(sys.argv[2])))
