#pragma once

// Dataflows between topics of Kafka: the target lockstep::kafka.

#include "kafka/application.hpp"
#include "kafka/formats/avro.hpp"
#include "kafka/formats/csv.hpp"
#include "kafka/formats/debezium.hpp"
#include "kafka/formats/json.hpp"
#include "kafka/formats/text.hpp"
#include "kafka/formats/weighted.hpp"
#include "lockstep.hpp"
