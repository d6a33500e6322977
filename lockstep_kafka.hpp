#pragma once

// Dataflows between topics of Kafka: the target lockstep::kafka.

#include "kafka/application.hpp"
#include "kafka/formats/json.hpp"
#include "kafka/formats/text.hpp"
#include "lockstep.hpp"
